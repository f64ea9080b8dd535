package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestDisks(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "a disk in a file, with everything that people set",
			xml: `<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
				<source file='/images/a.qcow2' index='3'/><target dev='vda' bus='virtio'/><serial>X1</serial><shareable/>
				<boot order='2'/><alias name='virtio-disk0'/>
				<address type='pci' domain='0x0000' bus='0x07' slot='0x1f' function='0x3'/></disk>`,
			want: model.Device{
				ID: "disk-vda", Kind: model.KindDisk, Type: "file", Bus: "virtio", Target: "vda", Address: "pci:0000:07:1f.3",
				Alias: "virtio-disk0", Source: "/images/a.qcow2", Format: "qcow2", Shareable: true, Cache: "none",
				Discard: "unmap", Serial: "X1", BootIndex: 2,
			},
		},
		{
			name: "a drive without a medium",
			xml:  `<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>`,
			want: model.Device{ID: "cdrom-sda", Kind: model.KindCDROM, Type: "file", Bus: "sata", Target: "sda", ReadOnly: true},
		},
		{
			name: "a floppy drive",
			xml:  `<disk type='file' device='floppy'><source file='/f.img'/><target dev='fda' bus='fdc'/></disk>`,
			want: model.Device{ID: "floppy-fda", Kind: model.KindFloppy, Type: "file", Bus: "fdc", Target: "fda", Source: "/f.img"},
		},
		{
			name: "a LUN is a disk",
			xml:  `<disk type='block' device='lun'><source dev='/dev/sdx'/><target dev='sda' bus='scsi'/></disk>`,
			want: model.Device{ID: "disk-sda", Kind: model.KindDisk, Type: "block", Bus: "scsi", Target: "sda", Source: "/dev/sdx"},
		},
		{
			name: "a volume of a pool",
			xml:  `<disk type='volume'><source pool='default' volume='a.img'/><target dev='vdb'/></disk>`,
			want: model.Device{ID: "disk-vdb", Kind: model.KindDisk, Type: "volume", Target: "vdb", Pool: "default", Volume: "a.img"},
		},
		{
			name: "a network disk is a URL without its secret",
			xml: `<disk type='network'><auth username='admin'><secret type='ceph' uuid='0'/></auth>
				<source protocol='rbd' name='pool/image'><host name='mon.example' port='6789'/></source><target dev='vdc'/></disk>`,
			want: model.Device{ID: "disk-vdc", Kind: model.KindDisk, Type: "network", Target: "vdc", Source: "rbd://mon.example:6789/pool/image"},
		},
		{
			name: "a medium on a web server, at the usual port",
			xml: `<disk type='network' device='cdrom'><source protocol='https' name='/x &amp; &lt;y&gt;.iso'><host name='2001:db8::1' port='443'/></source>
				<target dev='sda' bus='sata'/><readonly/></disk>`,
			want: model.Device{ID: "cdrom-sda", Kind: model.KindCDROM, Type: "network", Bus: "sata", Target: "sda", ReadOnly: true, Source: "https://[2001:db8::1]/x%20&%20%3Cy%3E.iso"},
		},
		{
			name: "a medium of another tool, at another port",
			xml:  `<disk type='network' device='cdrom'><source protocol='http' name='x.iso' query='key=secret'><host name='a.example' port='8080'/></source><target dev='sda'/></disk>`,
			want: model.Device{ID: "cdrom-sda", Kind: model.KindCDROM, Type: "network", Target: "sda", Source: "http://a.example:8080/x.iso"},
		},
		{
			name: "a folder as a disk",
			xml:  `<disk type='dir'><source dir='/srv/fat'/><target dev='vdd'/></disk>`,
			want: model.Device{ID: "disk-vdd", Kind: model.KindDisk, Type: "dir", Target: "vdd", Source: "/srv/fat"},
		},
		{
			name: "an NVMe namespace",
			xml: `<disk type='nvme'><source type='pci' namespace='1'><address domain='0' bus='1' slot='0' function='0' type='pci'/></source>
				<target dev='vde'/></disk>`,
			want: model.Device{ID: "disk-vde", Kind: model.KindDisk, Type: "nvme", Target: "vde", Source: "pci:0000:01:00.0"},
		},
		{
			name: "an empty element",
			xml:  `<disk/>`,
			want: model.Device{ID: "disk-0", Kind: model.KindDisk},
		},
	} {
		tt.run(t)
	}
}

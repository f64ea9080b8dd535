package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestHostDevices(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "a PCI device",
			xml: `<hostdev mode='subsystem' type='pci' managed='yes'><source>
				<address domain='0x0000' bus='0x01' slot='0x00' function='0x1'/></source>
				<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></hostdev>`,
			want: model.Device{
				ID: "host-device-pci-0000:01:00.1", Kind: model.KindHostDevice, Type: "pci", Source: "0000:01:00.1", Address: "pci:0000:05:00.0",
			},
		},
		{
			name: "a USB device by what it is, running",
			xml: `<hostdev mode='subsystem' type='usb'><source><vendor id='0x1d6b'/><product id='0x0002'/>
				<address bus='1' device='7'/></source></hostdev>`,
			want: model.Device{ID: "host-device-usb-1d6b:0002", Kind: model.KindHostDevice, Type: "usb", Source: "1d6b:0002"},
		},
		{
			name: "a USB device by where it is plugged",
			xml:  `<hostdev mode='subsystem' type='usb'><source><address bus='1' device='7'/></source></hostdev>`,
			want: model.Device{ID: "host-device-usb-1.7", Kind: model.KindHostDevice, Type: "usb", Source: "1.7"},
		},
		{
			name: "a mediated device",
			xml: `<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>
				<address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>`,
			want: model.Device{
				ID: "host-device-mdev-c2177883-f1bb-47f0-914d-32a22e3a8804", Kind: model.KindHostDevice, Type: "mdev",
				Model: "vfio-pci", Source: "c2177883-f1bb-47f0-914d-32a22e3a8804",
			},
		},
		{
			name: "a SCSI device",
			xml: `<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>
				<address bus='0' target='1' unit='2'/></source></hostdev>`,
			want: model.Device{ID: "host-device-scsi-scsi_host0:0:1:2", Kind: model.KindHostDevice, Type: "scsi", Source: "scsi_host0:0:1:2"},
		},
		{
			name: "an iSCSI device",
			xml: `<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2014-08.com.example/1'>
				<host name='example.org' port='3260'/></source></hostdev>`,
			want: model.Device{
				ID: "host-device-scsi-iscsi://example.org:3260/iqn.2014-08.com.example/1", Kind: model.KindHostDevice,
				Type: "scsi", Source: "iscsi://example.org:3260/iqn.2014-08.com.example/1",
			},
		},
		{
			name: "a vhost SCSI host",
			xml:  `<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>`,
			want: model.Device{ID: "host-device-scsi_host-naa.5123456789abcde0", Kind: model.KindHostDevice, Type: "scsi_host", Source: "naa.5123456789abcde0"},
		},
		{
			name: "a container's device node",
			xml:  `<hostdev mode='capabilities' type='misc'><source><char>/dev/input/event3</char></source></hostdev>`,
			want: model.Device{ID: "host-device-misc-/dev/input/event3", Kind: model.KindHostDevice, Type: "misc", Source: "/dev/input/event3"},
		},
		{
			name: "a device without a source",
			xml:  `<hostdev mode='subsystem' type='usb'/>`,
			want: model.Device{ID: "host-device-0", Kind: model.KindHostDevice, Type: "usb"},
		},
	} {
		tt.run(t)
	}
}

package domainxml

import (
	"reflect"
	"testing"

	"org.kvmmanager/internal/model"
)

func TestPools(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, xml string
		want      model.StoragePool
	}{
		{
			name: "a folder",
			xml: `<pool type='dir'><name>images</name><uuid>23F39AC6-5e86-4168-b599-5c4e2e38dcb3</uuid><capacity unit='bytes'>100</capacity>
				<allocation unit='bytes'>30</allocation><available unit='bytes'>70</available><target><path>/images</path></target></pool>`,
			want: model.StoragePool{
				UUID: "23f39ac6-5e86-4168-b599-5c4e2e38dcb3", Name: "images", Kind: "dir", Target: "/images",
				Capacity: 100, Allocation: 30, Available: 70,
			},
		},
		{
			name: "a pool without a place on the host",
			xml:  `<pool type='rbd'><name>ceph</name><source><name>rbd</name></source></pool>`,
			want: model.StoragePool{Name: "ceph", Kind: "rbd"},
		},
		{
			name: "as people write it",
			xml:  `<pool type='logical'><name>vg</name><capacity unit='GiB'>2</capacity></pool>`,
			want: model.StoragePool{Name: "vg", Kind: "logical", Capacity: 2 << 30},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParsePool(tt.xml)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, xml string
		want      model.StorageVolume
	}{
		{
			name: "an overlay",
			xml: `<volume type='file'><name>web &lt;&amp;&gt;.qcow2</name><key>/images/web</key><capacity unit='bytes'>1048576</capacity>
				<allocation unit='bytes'>200704</allocation><physical unit='bytes'>196616</physical>
				<target><path>/images/web &lt;&amp;&gt;.qcow2</path><format type='qcow2'/></target>
				<backingStore><path>/images/base.raw</path><format type='raw'/></backingStore></volume>`,
			want: model.StorageVolume{
				Name: "web <&>.qcow2", Place: "/images/web <&>.qcow2", Format: "qcow2",
				Capacity: 1 << 20, Allocation: 200704, Backing: "/images/base.raw",
			},
		},
		{
			name: "a logical volume",
			xml: `<volume type='block'><name>home</name><capacity unit='MiB'>4</capacity><target><path>/dev/vg/home</path></target>
				<backingStore/></volume>`,
			want: model.StorageVolume{Name: "home", Place: "/dev/vg/home", Capacity: 4 << 20},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseVolume(tt.xml)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
	if _, err := ParseVolume("<pool/>"); err == nil {
		t.Error("a pool was read as a volume")
	}
}

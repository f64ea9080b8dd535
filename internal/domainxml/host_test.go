package domainxml

import (
	"slices"
	"testing"
)

const (
	kvmGuest = "<guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>"
	armGuest = "<guest><os_type>hvm</os_type><arch name='aarch64'><domain type='kvm'/></arch></guest>"
)

func TestHardwareVirtualizationIsThatOfTheHostsOwnArchitecture(t *testing.T) {
	t.Parallel()
	for guest, want := range map[string]bool{kvmGuest: true, armGuest: false, "": false} {
		h, err := ParseHost("<capabilities><host><cpu><arch>x86_64</arch></cpu></host>" + guest + "</capabilities>")
		if err != nil {
			t.Fatal(err)
		}
		if h.HardwareVirtualization != want {
			t.Errorf("%s: got %v", guest, h.HardwareVirtualization)
		}
	}
}

func TestSocketsAreCountedOverAllNodes(t *testing.T) {
	t.Parallel()
	h, err := ParseHost(`<capabilities><host><cpu><topology sockets='1' cores='2' threads='2'/></cpu><iommu support='yes'/><topology><cells>
		<cell><cpus><cpu id='0' socket_id='0'/><cpu id='1' socket_id='0'/></cpus></cell>
		<cell><cpus><cpu id='2' socket_id='1'/><cpu id='3'/></cpus></cell></cells></topology></host></capabilities>`)
	if err != nil {
		t.Fatal(err)
	}
	if h.CPUs != 4 || h.CPUSockets != 2 || h.CPUCores != 2 || h.CPUThreads != 2 || !h.IOMMU {
		t.Errorf("got %+v", h)
	}
}

func TestCapabilitiesOfTheHostsOwnArchitecture(t *testing.T) {
	t.Parallel()
	c, err := ParseCapabilities("<capabilities><host><cpu><arch>x86_64</arch></cpu></host>"+armGuest+kvmGuest+"</capabilities>", "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Architectures, []string{"aarch64", "x86_64"}) || !slices.Equal(c.DomainTypes, []string{"qemu", "kvm"}) {
		t.Errorf("got %+v", c)
	}
}

func TestWhatIsNotSupportedIsNotListed(t *testing.T) {
	t.Parallel()
	c, err := ParseCapabilities("<capabilities/>", `<domainCapabilities><arch>x86_64</arch><os supported='no'/>
		<cpu><mode name='host-model' supported='no'/><mode name='custom' supported='yes'/></cpu>
		<devices><tpm supported='no'><enum name='model'><value>tpm-tis</value></enum></tpm>
		<disk supported='yes'><enum name='bus'><value>virtio</value></enum></disk></devices></domainCapabilities>`)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.TPMModels) != 0 || len(c.Firmware) != 0 || !slices.Equal(c.CPUModes, []string{"custom"}) || !slices.Equal(c.DiskBuses, []string{"virtio"}) {
		t.Errorf("got %+v", c)
	}
}

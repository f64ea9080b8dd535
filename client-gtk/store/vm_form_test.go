package store_test

import (
	"reflect"
	"slices"
	"testing"

	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

func TestANewVMIsAskedForAsChosen(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	base := store.VMForm{Name: "web", OS: "debian12", VCPUs: 2, MemoryMiB: 2048, DiskGiB: 20}
	with := func(change func(*store.VMForm)) store.VMForm {
		f := base
		change(&f)
		return f
	}
	for _, test := range []struct {
		what string
		form store.VMForm
		want model.VMSpec
	}{
		{"from an ISO with everything chosen", with(func(f *store.VMForm) {
			f.Source, f.UEFI, f.SecureBoot, f.TPM, f.Machine, f.Pool, f.Format, f.Network = model.SourceISO, true, true, true, "q35", "/pool", "raw", "/net"
		}), model.VMSpec{
			Name: "web", OS: "debian12", VCPUs: 2, Memory: 2 << 30, Source: model.VMSource{Kind: model.SourceISO}, Machine: "q35",
			Firmware: model.FirmwareUEFI, SecureBoot: &yes, TPM: &yes,
			Disks: []model.DiskSpec{{Size: 20 << 30, Pool: "/pool", Format: "raw"}}, Networks: []model.NetworkSpec{{Network: "/net"}},
		}},
		{"with a BIOS there is no Secure Boot", with(func(f *store.VMForm) {
			f.Source, f.SecureBoot, f.NoNetwork, f.DiskGiB = model.SourcePXE, true, true, 0
		}), model.VMSpec{
			Name: "web", OS: "debian12", VCPUs: 2, Memory: 2 << 30, Source: model.VMSource{Kind: model.SourcePXE},
			Firmware: model.FirmwareBIOS, SecureBoot: &no, TPM: &no, Networks: []model.NetworkSpec{},
		}},
		{"from an ISO image on a web server", with(func(f *store.VMForm) {
			f.Source, f.Address, f.NoNetwork, f.DiskGiB = model.SourceURL, " https://a.example/x.iso ", true, 0
		}), model.VMSpec{
			Name: "web", OS: "debian12", VCPUs: 2, Memory: 2 << 30, Source: model.VMSource{Kind: model.SourceURL, URL: "https://a.example/x.iso"},
			Firmware: model.FirmwareBIOS, SecureBoot: &no, TPM: &no, Networks: []model.NetworkSpec{},
		}},
		{"from a cloud image with a disk that grows", with(func(f *store.VMForm) {
			f.Source, f.User, f.Password, f.SSHKey, f.HostName, f.Packages = model.SourceCloud, "me", "secret", " ssh-ed25519 AAAA \n", "web-1", "nginx, git  vim"
		}), model.VMSpec{
			Name: "web", OS: "debian12", VCPUs: 2, Memory: 2 << 30, Source: model.VMSource{Kind: model.SourceCloud}, DiskSize: 20 << 30,
			Firmware: model.FirmwareBIOS, SecureBoot: &no, TPM: &no,
			CloudInit: &model.CloudInit{User: "me", Password: "secret", SSHKeys: []string{"ssh-ed25519 AAAA"}, HostName: "web-1", Packages: []string{"nginx", "git", "vim"}},
		}},
	} {
		if got := test.form.Spec(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n%+v, not\n%+v", test.what, got, test.want)
		}
	}
	if first := with(func(f *store.VMForm) { f.Source, f.User = model.SourceISO, "me" }).First(); first.CloudInit != nil {
		t.Error("a medium is set up by cloud-init")
	}
}

func TestWhatAHostCannotGiveIsSaid(t *testing.T) {
	t.Parallel()
	able := model.Capabilities{SecureBoot: true, TPMBackends: []string{"emulator"}}
	if english.WhyNoTPM(able) != "" || english.WhyNoSecureBoot(able, true) != "" {
		t.Error("an able host gives too little")
	}
	if english.WhyNoTPM(model.Capabilities{}) == "" || english.WhyNoSecureBoot(able, false) == "" || english.WhyNoSecureBoot(model.Capabilities{}, true) == "" {
		t.Error("a host gives what it does not have")
	}
	pools := []*model.StoragePool{{Name: "a", State: model.PoolRunning}, {Name: "b", State: model.PoolInactive}, {Name: "c", State: model.PoolDegraded}}
	if active := store.ActivePools(pools); len(active) != 2 || active[1].Name != "c" || len(pools) != 3 || pools[1].Name != "b" {
		t.Errorf("disks can be in %v", active)
	}
	if !slices.Equal(store.DiskFormats("dir"), []string{"qcow2", "raw"}) || !slices.Equal(store.DiskFormats("logical"), []string{"raw"}) {
		t.Error("disks have other formats")
	}
}

func TestTheAddressOfAMediumIsLookedAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what string
		form store.VMForm
		good bool
	}{
		{"none is needed", store.VMForm{Source: model.SourceISO, Address: "x"}, true},
		{"an ISO image", store.VMForm{Source: model.SourceURL, Address: "https://a.example/x.iso "}, true},
		{"none is there", store.VMForm{Source: model.SourceURL}, false},
		{"a folder", store.VMForm{Source: model.SourceURL, Address: "https://a.example/"}, false},
	} {
		if wrong := test.form.WrongAddress(); (wrong == "") != test.good {
			t.Errorf("%s: %q", test.what, wrong)
		}
	}
}

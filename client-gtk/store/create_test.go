package store

import (
	"reflect"
	"slices"
	"testing"

	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

func TestAPlanIsShownInRows(t *testing.T) {
	t.Parallel()
	lan := &model.Network{UUID: "2", Name: "lan"}
	plan := client.Plan{
		Spec: model.VMSpec{
			Name: "web <1>", Source: model.VMSource{URL: "https://a.example/x.iso"}, VCPUs: 2, Memory: 2 << 30, Firmware: model.FirmwareUEFI,
			Disks:    []model.DiskSpec{{Size: 20 << 30}, {Volume: "/v"}},
			Networks: []model.NetworkSpec{{Network: lan.Path()}},
		},
		VMPlan: model.VMPlan{OSName: "Debian 12", Copies: 1 << 30},
	}
	want := []Fact{
		{"Name", "web <1>"},
		{"Operating System", "Debian 12"},
		{"Medium", "https://a.example/x.iso"},
		{"Processors", "2"},
		{"Memory", "2 GiB"},
		{"New Disk", "20 GiB"},
		{"Copied First", "1 GiB"},
		{"Network", "lan"},
		{"Firmware", "UEFI"},
	}
	networks := []*model.Network{{UUID: "1", Name: "wan"}, lan}
	if got := (Words{}).Plan(plan, networks); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	plan.Spec.Networks = nil
	if got := (Words{}).Plan(plan, networks); !slices.Contains(got, Fact{"Network", "None"}) {
		t.Errorf("without a network it is %v", got)
	}
}

package model

import (
	"strings"
	"testing"
)

func given(keys ...string) map[string]bool {
	m := map[string]bool{}
	for _, key := range keys {
		m[key] = true
	}
	return m
}

func TestAConfigurationThatMakesNoSenseIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		c    Configuration
		says string
	}{
		"nothing":                      {Configuration{}, "Nothing"},
		"a mode":                       {Configuration{CPUMode: "host-model", Given: given("cpu-mode")}, ""},
		"the hypervisor's mode":        {Configuration{Given: given("cpu-mode")}, ""},
		"an unknown mode":              {Configuration{CPUMode: "fast", Given: given("cpu-mode")}, "CPU mode"},
		"a model without its mode":     {Configuration{CPUModel: "qemu64", Given: given("cpu-model")}, "custom"},
		"the mode without a model":     {Configuration{CPUMode: "custom", Given: given("cpu-mode")}, "cpu-model"},
		"a model with a newline":       {Configuration{CPUMode: "custom", CPUModel: "a\nb", Given: given("cpu-mode", "cpu-model")}, "control"},
		"a long name":                  {Configuration{MachineType: strings.Repeat("q", 129), Given: given("machine-type")}, "name"},
		"no machine":                   {Configuration{Given: given("machine-type")}, "name"},
		"a topology":                   {Configuration{CPUSockets: 2, CPUCores: 4, Given: given("cpu-sockets", "cpu-cores")}, ""},
		"no topology":                  {Configuration{Given: given("cpu-sockets", "cpu-cores", "cpu-threads")}, ""},
		"a topology beside a number":   {Configuration{CPUSockets: 2, MaxVCPUs: 3, Given: given("cpu-sockets", "max-vcpus")}, "times"},
		"too many":                     {Configuration{CPUSockets: 64, CPUCores: 64, CPUThreads: 2, Given: given("cpu-sockets", "cpu-cores", "cpu-threads")}, "at most"},
		"so many that they overflow":   {Configuration{CPUSockets: 1 << 31, CPUCores: 1 << 31, CPUThreads: 4, Given: given("cpu-sockets")}, "at most"},
		"no processor":                 {Configuration{Given: given("max-vcpus")}, "1 to"},
		"no memory":                    {Configuration{MaxMemory: 5, Given: given("max-memory")}, "MiB"},
		"an unknown firmware":          {Configuration{Firmware: "coreboot", Given: given("firmware")}, "firmware"},
		"Secure Boot of a BIOS":        {Configuration{Firmware: FirmwareBIOS, SecureBoot: true, Given: given("firmware", "secure-boot")}, "Secure Boot"},
		"Secure Boot of what is there": {Configuration{SecureBoot: true, Given: given("secure-boot")}, ""},
	} {
		err := tt.c.Validate()
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPartOfATopologyIsOneUnlessItIsGiven(t *testing.T) {
	t.Parallel()
	c := Configuration{CPUCores: 4, Given: given("cpu-cores")}
	if s, k, n, ok := c.Topology(); s != 1 || k != 4 || n != 1 || !ok {
		t.Errorf("it is %d×%d×%d, %t", s, k, n, ok)
	}
	if _, _, _, ok := (&Configuration{}).Topology(); ok {
		t.Error("without a part there is one")
	}
}

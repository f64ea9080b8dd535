package domainxml

import (
	"slices"
	"testing"
)

// devicesIn is a definition with these devices.
func devicesIn(devices string) string { return "<domain><devices>" + devices + "</devices></domain>" }

func pci(slot, of string) string {
	return of + `<address type="pci" domain="0x0000" bus="0x01" slot="0x0` + slot + `" function="0x0"></address>`
}

func TestADeviceKeepsItsIDAtTheNextBootAndAnotherOneHasItsOwn(t *testing.T) {
	t.Parallel()
	const (
		random = `<rng model="virtio"><backend model="random">/dev/urandom</backend>`
		other  = `<rng model="virtio"><backend model="random">/dev/hwrng</backend>`
		end    = `</rng>`
	)
	for _, tt := range []struct {
		name         string
		live, stored string
		now, next    []string
		pending      []string
	}{
		{
			"the first of two goes",
			pci("1", random) + end + pci("2", random) + end, pci("2", random) + end,
			[]string{"rng-0", "rng-1"},
			[]string{"rng-1"},
			[]string{"rng-0"},
		},
		{
			"another one takes its place",
			`<sound model="ich9">` + pci("1", "") + `</sound>`, `<sound model="ac97">` + pci("1", "") + `</sound>`,
			[]string{"sound-0"},
			[]string{"sound-1"},
			[]string{"sound-0", "sound-1"},
		},
		{
			"one goes and one comes, in another order",
			pci("1", random) + end + pci("2", other) + end, pci("3", `<rng model="virtio-non-transitional"><backend model="builtin"></backend>`) + end + pci("1", random) + end,
			[]string{"rng-0", "rng-1"},
			[]string{"rng-2", "rng-0"},
			[]string{"rng-1", "rng-2"},
		},
		{
			"one changes",
			`<watchdog model="i6300esb" action="reset">` + pci("1", "") + `</watchdog>`, `<watchdog model="i6300esb" action="pause">` + pci("1", "") + `</watchdog>`,
			[]string{"watchdog-0"},
			[]string{"watchdog-0"},
			[]string{"watchdog-0"},
		},
		{
			"plugged in elsewhere than at the next boot, it is the same",
			`<input type="mouse" bus="usb"><address type="usb" bus="0" port="2"></address></input>`,
			`<input type="mouse" bus="usb"><address type="usb" bus="0" port="1"></address></input>`,
			[]string{"input-mouse-usb"},
			[]string{"input-mouse-usb"},
			nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			live, stored := devicesIn(tt.live), devicesIn(tt.stored)
			next, now, err := BothDevices(stored, live)
			if err != nil {
				t.Fatal(err)
			}
			if got := idsOf(now); !slices.Equal(got, tt.now) {
				t.Errorf("it has %q, want %q", got, tt.now)
			}
			if got := idsOf(next); !slices.Equal(got, tt.next) {
				t.Errorf("it will have %q, want %q", got, tt.next)
			}
			vm, err := ParseVM(live, stored)
			if err != nil || !slices.Equal(vm.PendingChanges, tt.pending) {
				t.Errorf("the next boot changes %q (%v), want %q", vm.PendingChanges, err, tt.pending)
			}
		})
	}
}

func idsOf(list []Element) []string {
	var ids []string
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	return ids
}

package virt

import (
	"runtime"
	"strconv"
	"testing"

	"org.kvmmanager/internal/model"
)

func TestDevicesThatAreAlikeAreOne(t *testing.T) {
	t.Parallel()
	var a alike
	lists := [][]*model.Device{
		{{ID: "controller-usb-0", Model: "qemu-xhci"}, {ID: "channel-a", State: "connected"}},
		{{ID: "controller-usb-0", Model: "qemu-xhci"}, {ID: "channel-a", State: "disconnected"}},
	}
	a.share(lists...)
	if lists[0][0] != lists[1][0] {
		t.Error("the same controller exists twice")
	}
	if lists[0][1] == lists[1][1] || lists[1][1].State != "disconnected" {
		t.Error("channels in different states became one")
	}
}

func TestDevicesThatNobodyHasAreForgotten(t *testing.T) {
	t.Parallel()
	var a alike
	for i := range 20 * fewAlike {
		a.share([]*model.Device{{ID: strconv.Itoa(i)}})
		if i%fewAlike == 0 {
			runtime.GC()
		}
	}
	if n := len(a.known); n > 4*fewAlike {
		t.Errorf("%d devices are remembered", n)
	}
}

package main

import "testing"

func TestTheExposureIsFoundInWhatSystemdSays(t *testing.T) {
	t.Parallel()
	text := "  NAME DESCRIPTION EXPOSURE\n✗ UMask= Files are readable 0.1\n\n→ Overall exposure level for kvmmanagerd.service: 1.9 OK :-)\n"
	if level, err := exposureIn(text); err != nil || level != 1.9 {
		t.Errorf("got %v, %v", level, err)
	}
	if _, err := exposureIn("Failed to connect to bus"); err == nil {
		t.Error("a text without a level has one")
	}
}

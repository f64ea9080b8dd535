//go:build system

package system_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

func TestDisplay(t *testing.T) {
	useTiny(t)
	alice := as(t, "alice")
	alice.must(tiny, "VM.Start", wait())
	graphics := alice.get(tiny, "VM.Graphics").([]map[string]dbus.Variant)
	if len(graphics) != 1 || graphics[0]["type"].Value() != "vnc" || graphics[0]["listen"].Value() != "none" {
		t.Fatalf("tiny should have one display that listens nowhere, not %v", graphics)
	}
	if ports := run(t, "ss", "--listening", "--tcp", "--processes", "--no-header"); strings.Contains(ports, "qemu") {
		t.Errorf("QEMU listens:\n%s", ports)
	}
	alice.refused("NotFound", tiny, "VM.OpenDisplay", uint32(1), none())

	// Two at once, as VNC allows.
	for range 2 {
		body := alice.must(tiny, "VM.OpenDisplay", uint32(0), none())
		if info := body[1].(map[string]dbus.Variant); info["type"].Value() != "vnc" {
			t.Errorf("what was opened is %v", info)
		}
		conn := socket(t, body[0].(dbus.UnixFD))
		_ = conn.SetDeadline(time.Now().Add(patience))
		greeting := make([]byte, 12)
		if _, err := io.ReadFull(conn, greeting); err != nil || string(greeting) != "RFB 003.008\n" {
			t.Fatalf("the display says %q, %v", greeting, err)
		}
		// Answered, it offers ways to authenticate: it is a display indeed.
		if _, err := conn.Write(greeting); err != nil {
			t.Fatal(err)
		}
		ways := make([]byte, 2)
		if _, err := io.ReadFull(conn, ways); err != nil || ways[0] == 0 {
			t.Errorf("the display offers %v, %v", ways, err)
		}
	}
}

func TestScreenshot(t *testing.T) {
	useTiny(t)
	alice := as(t, "alice")
	alice.must(tiny, "VM.Start", wait())
	openConsole(t, alice).expect("tiny: ready")
	ours, format := takeScreenshot(t, alice)
	file := filepath.Join(t.TempDir(), "screenshot")
	virsh(t, "screenshot", "tiny", file)
	theirs, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := decode(t, ours, format).Bounds(), decode(t, theirs, format).Bounds(); got != want {
		t.Errorf("our screenshot is %v, virsh's %v", got, want)
	}
	alice.refused("NotFound", tiny, "VM.TakeScreenshot", with("screen", uint32(7)))
}

// takeScreenshot gives the bytes of an image, from where the descriptor stands.
func takeScreenshot(t *testing.T, c *client) (data []byte, mime string) {
	t.Helper()
	body := c.must(tiny, "VM.TakeScreenshot", none())
	return contentOf(t, body[0].(dbus.UnixFD)), body[1].(string)
}

// imageOf gives the bytes of an image that a method answers with.
func imageOf(t *testing.T, c *client, object dbus.ObjectPath, method string) []byte {
	t.Helper()
	return contentOf(t, c.must(object, method, none())[0].(dbus.UnixFD))
}

// contentOf reads a descriptor from where it stands.
func contentOf(t *testing.T, fd dbus.UnixFD) []byte {
	t.Helper()
	file := os.NewFile(uintptr(fd), "image")
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decode reads all of an image.
func decode(t *testing.T, data []byte, mime string) image.Image {
	t.Helper()
	if mime == "image/png" {
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return picture
	}
	var width, height, most int
	if _, err := fmt.Sscanf(string(data), "P6\n%d %d\n%d\n", &width, &height, &most); err != nil || mime != "image/x-portable-pixmap" {
		t.Fatalf("%s with %.20q is no image: %v", mime, data, err)
	}
	header := len(fmt.Sprintf("P6\n%d %d\n%d\n", width, height, most))
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	pixels := data[header:]
	if len(pixels) != 3*width*height {
		t.Fatalf("%d bytes of pixels are not %d times %d", len(pixels), width, height)
	}
	for i := range width * height {
		copy(picture.Pix[4*i:], pixels[3*i:3*i+3])
		picture.Pix[4*i+3] = 0xff
	}
	return picture
}

// TestKeysReachTheGuest types into the shell on the guest's screen, and what
// that does is heard on its serial line.
func TestKeysReachTheGuest(t *testing.T) {
	useTiny(t)
	alice := as(t, "alice")
	alice.must(tiny, "VM.Start", wait())
	serial := openConsole(t, alice)
	serial.expect("tiny: ready")
	before, _ := takeScreenshot(t, alice)
	// A guest on a busy machine loses keys: an emulated keyboard has a small queue.
	serial.patience = 20 * time.Second
	heard := errors.New("nothing is typed yet")
	for try := 0; heard != nil && try < 8; try++ {
		for _, key := range strings.Fields("ENTER E C H O SPACE K E Y S LEFTSHIFT+DOT SLASH D E V SLASH T T Y LEFTSHIFT+S 0 ENTER") {
			var keys []string
			for _, k := range strings.Split(key, "+") {
				keys = append(keys, "KEY_"+k)
			}
			alice.must(tiny, "VM.SendKeys", keys, none())
		}
		heard = serial.await("keys")
	}
	if heard != nil {
		t.Fatalf("the guest does not write what is typed: %v; it wrote %q", heard, serial.read.String())
	}
	after, _ := takeScreenshot(t, alice)
	if bytes.Equal(before, after) {
		t.Error("the screen looks as before")
	}
	alice.refused("InvalidArgument", tiny, "VM.SendKeys", []string{}, none())
	alice.refused("InvalidArgument", tiny, "VM.SendKeys", []string{"KEY_NO_SUCH"}, none())
	alice.refused("InvalidArgument", tiny, "VM.SendKeys", make([]string, 17), none())
}

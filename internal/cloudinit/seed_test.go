package cloudinit_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/GehirnInc/crypt/sha512_crypt"
	"github.com/kdomanski/iso9660"

	"org.kvmmanager/internal/cloudinit"
	"org.kvmmanager/internal/model"
)

// files reads a seed as a guest does.
func files(t *testing.T, seed []byte) map[string]string {
	t.Helper()
	image, err := iso9660.OpenImage(bytes.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	if label, err := image.Label(); err != nil || strings.TrimRight(label, " \x00") != "cidata" {
		t.Errorf("the label is %q, %v", label, err)
	}
	root, err := image.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, child := range children {
		content, err := io.ReadAll(child.Reader())
		if err != nil {
			t.Fatal(err)
		}
		found[child.Name()] = string(content)
	}
	return found
}

// read is a seed's two files as values.
func read(t *testing.T, c *model.CloudInit) (user, meta map[string]any) {
	t.Helper()
	seed, err := cloudinit.Seed(c, "an-instance")
	if err != nil {
		t.Fatal(err)
	}
	found := files(t, seed)
	text, marked := strings.CutPrefix(found["user-data"], "#cloud-config\n")
	if !marked {
		t.Errorf("user-data is not marked: %q", found["user-data"])
	}
	if err := json.Unmarshal([]byte(text), &user); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(found["meta-data"]), &meta); err != nil {
		t.Fatal(err)
	}
	if c.Password != "" && bytes.Contains(seed, []byte(c.Password)) {
		t.Error("the password can be read in the seed")
	}
	return user, meta
}

func TestASeedHasAUserWhoCanLogIn(t *testing.T) {
	t.Parallel()
	const password = "pä<&>\"'ss: {w} # 💻"
	key := "ssh-ed25519 AAAA me & \"you\" <x> \u202eזז"
	user, meta := read(t, &model.CloudInit{
		User: "alice", Password: password, SSHKeys: []string{key}, HostName: "web", Packages: []string{"qemu-guest-agent"},
	})
	one := user["users"].([]any)[0].(map[string]any)
	if one["name"] != "alice" || one["lock_passwd"] != false || one["ssh_authorized_keys"].([]any)[0] != key {
		t.Errorf("the user is %v", one)
	}
	if err := sha512_crypt.New().Verify(one["passwd"].(string), []byte(password)); err != nil {
		t.Errorf("the hash %v is of another password: %v", one["passwd"], err)
	}
	if user["hostname"] != "web" || user["ssh_pwauth"] != true || user["package_update"] != true || user["packages"].([]any)[0] != "qemu-guest-agent" {
		t.Errorf("user-data is %v", user)
	}
	if meta["instance-id"] != "an-instance" || meta["local-hostname"] != "web" {
		t.Errorf("meta-data is %v", meta)
	}
}

func TestWithoutANameTheImagesOwnUserIsMeant(t *testing.T) {
	t.Parallel()
	user, _ := read(t, &model.CloudInit{Password: "secret-word", SSHKeys: []string{"ssh-rsa AAAA"}})
	if user["users"] != nil || !strings.HasPrefix(user["password"].(string), "$6$") || user["ssh_authorized_keys"] == nil {
		t.Errorf("user-data is %v", user)
	}
	if expire := user["chpasswd"].(map[string]any)["expire"]; expire != false {
		t.Errorf("the password expires: %v", expire)
	}
}

func TestAUserWithoutAPasswordHasNone(t *testing.T) {
	t.Parallel()
	user, _ := read(t, &model.CloudInit{User: "bob", SSHKeys: []string{"ssh-rsa AAAA"}})
	one := user["users"].([]any)[0].(map[string]any)
	if one["lock_passwd"] != true || one["passwd"] != nil || user["ssh_pwauth"] != nil || user["package_update"] != nil {
		t.Errorf("user-data is %v", user)
	}
}

// Package cloudinit writes what cloud-init reads at the first boot of a cloud
// image: a small ISO image of the data source NoCloud.
package cloudinit

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/GehirnInc/crypt/sha512_crypt"
	"github.com/kdomanski/iso9660"

	"org.kvmmanager/internal/model"
)

// label is how cloud-init knows the seed (its documentation, “NoCloud”).
const label = "cidata"

// userData is the part of cloud-init's configuration that is used. JSON is YAML,
// too.
type userData struct {
	HostName      string    `json:"hostname,omitempty"`
	Users         []user    `json:"users,omitempty"`
	Password      string    `json:"password,omitempty"` // of the image's own user
	ChangeExpired *chpasswd `json:"chpasswd,omitempty"`
	SSHKeys       []string  `json:"ssh_authorized_keys,omitempty"`
	PasswordLogin bool      `json:"ssh_pwauth,omitempty"`
	Update        bool      `json:"package_update,omitempty"`
	Packages      []string  `json:"packages,omitempty"`
}

type user struct {
	Name    string   `json:"name"`
	Sudo    string   `json:"sudo"`
	Shell   string   `json:"shell"`
	Lock    bool     `json:"lock_passwd"`
	Hash    string   `json:"passwd,omitempty"`
	SSHKeys []string `json:"ssh_authorized_keys,omitempty"`
}

type chpasswd struct {
	Expire bool `json:"expire"`
}

type metaData struct {
	Instance string `json:"instance-id"`
	HostName string `json:"local-hostname,omitempty"`
}

// Seed makes the image for one VM. The instance is what cloud-init tells a new
// machine from an old one by. The password is in it as a hash only.
func Seed(c *model.CloudInit, instance string) ([]byte, error) {
	data, err := configuration(c)
	if err != nil {
		return nil, err
	}
	meta, err := json.Marshal(metaData{Instance: instance, HostName: c.HostName})
	if err != nil {
		return nil, fmt.Errorf("cannot write meta-data: %w", err)
	}
	return image(map[string][]byte{"user-data": data, "meta-data": meta})
}

func configuration(c *model.CloudInit) ([]byte, error) {
	u := userData{HostName: c.HostName, Packages: c.Packages, Update: len(c.Packages) > 0, PasswordLogin: c.Password != ""}
	hash, err := hashed(c.Password)
	if err != nil {
		return nil, err
	}
	if c.User == "" {
		u.Password, u.SSHKeys = hash, c.SSHKeys
		if hash != "" {
			u.ChangeExpired = &chpasswd{}
		}
	} else {
		u.Users = []user{{
			Name: c.User, Sudo: "ALL=(ALL) NOPASSWD:ALL", Shell: "/bin/bash",
			Lock: hash == "", Hash: hash, SSHKeys: c.SSHKeys,
		}}
	}
	text, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("cannot write user-data: %w", err)
	}
	return append([]byte("#cloud-config\n"), text...), nil
}

// hashed is a password as it stands in /etc/shadow (crypt(5), SHA-512).
func hashed(password string) (string, error) {
	if password == "" {
		return "", nil
	}
	hash, err := sha512_crypt.New().Generate([]byte(password), nil)
	if err != nil {
		return "", fmt.Errorf("cannot hash a password: %w", err)
	}
	return hash, nil
}

func image(files map[string][]byte) ([]byte, error) {
	w, err := iso9660.NewWriter()
	if err != nil {
		return nil, fmt.Errorf("cannot make an image: %w", err)
	}
	defer func() { _ = w.Cleanup() }()
	for name, content := range files {
		if err := w.AddFile(bytes.NewReader(content), name); err != nil {
			return nil, fmt.Errorf("cannot make an image: %w", err)
		}
	}
	var out bytes.Buffer
	if err := w.WriteTo(&out, label); err != nil {
		return nil, fmt.Errorf("cannot make an image: %w", err)
	}
	return out.Bytes(), nil
}

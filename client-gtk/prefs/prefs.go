// Package prefs keeps what a person prefers, and what was open last, in a file
// of the user's configuration folder. No GTK, and no schema that must be
// installed first.
package prefs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"org.kvmmanager/internal/durable"
)

// Preferences is what is kept. A field that a file lacks has its default, and
// one that is not known is left out when the file is written again.
type Preferences struct {
	// ReleaseKeys are the keys, by Linux's names, that give the keyboard back
	// when they are pressed and released together.
	ReleaseKeys []string `json:"release-keys"`
	// GrabShortcuts gives guests the desktop's shortcuts, such as Alt+Tab.
	GrabShortcuts bool `json:"grab-shortcuts"`
	// ShareClipboard lets guests and desktop share copied text.
	ShareClipboard bool `json:"share-clipboard"`
	// Notify tells of crashes and ended work while nobody looks.
	Notify bool `json:"notify"`

	// Scaling is how the screen of a VM is shown, by its UUID and the names of the
	// console's action. Those that are shown as usual are left out.
	Scaling map[string]string `json:"scaling,omitempty"`

	// Sort is how the list was sorted, by the names of the window's action.
	Sort string `json:"sort"`

	// What was open when the window was closed.
	Session Session `json:"session"`
}

// Session is the window as it was left.
type Session struct {
	VM        string `json:"vm,omitempty"` // its object path
	Tab       string `json:"tab,omitempty"`
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	Maximized bool   `json:"maximized,omitempty"`
}

// Default is what applies to somebody who has chosen nothing.
func Default() *Preferences {
	return &Preferences{
		ReleaseKeys: []string{"KEY_LEFTCTRL", "KEY_LEFTALT"}, GrabShortcuts: true, ShareClipboard: true, Notify: true, Sort: "name",
	}
}

// File is where the preferences of this user are.
func File() (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for preferences: %w", err)
	}
	return filepath.Join(folder, "kvm-manager", "preferences.json"), nil
}

// Load reads a file. Whatever is wrong with it, the preferences are of use; the
// error says why some of them are the defaults. A file that is not there is no
// error.
func Load(file string) (*Preferences, error) {
	p := Default()
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(content, p)
	}
	if err != nil {
		return Default(), fmt.Errorf("cannot read the preferences: %w", err)
	}
	return p, nil
}

// Save writes a file, so that it is either as before or whole.
func (p *Preferences) Save(file string) error {
	content, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = durable.WriteFile(file, append(content, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot save the preferences: %w", err)
	}
	return nil
}

// Copy is another one with the same content.
func (p *Preferences) Copy() *Preferences {
	c := *p
	c.ReleaseKeys = append([]string(nil), p.ReleaseKeys...)
	c.Scaling = maps.Clone(p.Scaling)
	return &c
}

// SetScaling remembers how the screen of a VM is shown, unless it is shown in
// the usual way.
func (p *Preferences) SetScaling(uuid, name, usual string) {
	if name == usual {
		delete(p.Scaling, uuid)
		return
	}
	if p.Scaling == nil {
		p.Scaling = map[string]string{}
	}
	p.Scaling[uuid] = name
}

package app

import (
	"log/slog"

	"org.kvmmanager/client-gtk/prefs"
)

// loadPreferences reads them before there is a main loop that could wait for a
// disk.
func loadPreferences() (*prefs.Preferences, *saver) {
	s := &saver{latest: make(chan *prefs.Preferences, 1), ended: make(chan struct{})}
	file, err := prefs.File()
	if err != nil {
		slog.Warn("preferences are not kept", "error", err)
		close(s.ended)
		return prefs.Default(), s
	}
	p, err := prefs.Load(file)
	if err != nil {
		slog.Warn("the preferences are the defaults", "error", err)
	}
	go s.run(file)
	return p, s
}

// saver writes preferences in a goroutine of its own; of several that wait only
// the latest.
type saver struct {
	latest chan *prefs.Preferences
	ended  chan struct{}
}

func (s *saver) run(file string) {
	defer close(s.ended)
	for p := range s.latest {
		if err := p.Save(file); err != nil {
			slog.Warn("preferences are not kept", "error", err)
		}
	}
}

// save is called on the main loop, so nobody else puts something in between.
func (s *saver) save(p *prefs.Preferences) {
	select {
	case <-s.latest:
	default:
	}
	select {
	case s.latest <- p.Copy():
	default:
	}
}

// end waits until what was saved last is on the disk.
func (s *saver) end() {
	close(s.latest)
	<-s.ended
}

// Preferences implements ui.Service.
func (a *App) Preferences() *prefs.Preferences { return a.preferences }

// PreferencesChanged implements ui.Service.
func (a *App) PreferencesChanged() {
	a.saver.save(a.preferences)
	if a.window != nil {
		a.window.ApplyPreferences()
	}
}

package input

// Sender takes the keys that a guest is to see.
type Sender interface {
	// SendKey presses or releases a key. keysym is what it means on the
	// desktop's layout, for servers that know no scancodes.
	SendKey(k Key, keysym uint, pressed bool)
}

// Keyboard follows the keys that are down, so that none stays down in the
// guest, and notices the combination that gives the keyboard back.
type Keyboard struct {
	// Release is the combination: these keys, pressed and released with no
	// other key in between. None with no keys.
	Release []Key

	down    []held
	release bool // only keys of Release went down since the last were up
}

// held is a key that is down, and the keysym that it went down with: the
// release has to name the same one, though Shift may have changed since.
type held struct {
	key    Key
	keysym uint
}

// Press sends a key that went down, again when it repeats.
func (k *Keyboard) Press(to Sender, key Key, keysym uint) {
	if len(k.down) == 0 {
		k.release = true
	}
	k.release = k.release && k.inRelease(key)
	if k.index(key) < 0 {
		k.down = append(k.down, held{key, keysym})
	}
	to.SendKey(key, keysym, true)
}

// Lift sends a key that went up. It says whether that completes the release
// combination: all of its keys were down and the first one goes up.
func (k *Keyboard) Lift(to Sender, key Key) (released bool) {
	i := k.index(key)
	if i < 0 {
		return false
	}
	released = k.release && len(k.Release) > 0 && len(k.down) == len(k.Release)
	k.release = false
	to.SendKey(key, k.down[i].keysym, false)
	k.down = append(k.down[:i], k.down[i+1:]...)
	return released
}

// LiftAll releases whatever is down: the keyboard goes elsewhere.
func (k *Keyboard) LiftAll(to Sender) {
	for i := len(k.down) - 1; i >= 0; i-- {
		to.SendKey(k.down[i].key, k.down[i].keysym, false)
	}
	k.Forget()
}

// Forget starts anew: there is nobody to send releases to.
func (k *Keyboard) Forget() { k.down, k.release = nil, false }

// Type presses keys together, in order, and releases them in reverse. keysym is
// what a key means without modifiers. A letter with Shift is a capital: a server
// that sees a small one takes Caps Lock for on, and toggles it.
func Type(to Sender, keys []Key, keysym func(Key) uint) {
	var keyboard Keyboard
	shift := false
	for _, key := range keys {
		meaning := keysym(key)
		if shift && 'a' <= meaning && meaning <= 'z' {
			meaning -= 'a' - 'A'
		}
		shift = shift || key.Name == "KEY_LEFTSHIFT" || key.Name == "KEY_RIGHTSHIFT"
		keyboard.Press(to, key, meaning)
	}
	keyboard.LiftAll(to)
}

func (k *Keyboard) index(key Key) int {
	for i, h := range k.down {
		if h.key == key {
			return i
		}
	}
	return -1
}

// inRelease takes the right one of a pair of modifiers for the left one.
func (k *Keyboard) inRelease(key Key) bool {
	for _, r := range k.Release {
		if r == key || r == leftOf(key) {
			return true
		}
	}
	return false
}

// leftOf is the left key of a pair, and any other key itself.
func leftOf(key Key) Key {
	pairs := map[string]string{
		"KEY_RIGHTCTRL": "KEY_LEFTCTRL", "KEY_RIGHTALT": "KEY_LEFTALT",
		"KEY_RIGHTSHIFT": "KEY_LEFTSHIFT", "KEY_RIGHTMETA": "KEY_LEFTMETA",
	}
	if left, ok := ByName(pairs[key.Name]); ok {
		return left
	}
	return key
}

package input

import "math"

// Buttons of a pointer, a bit each, as RFB numbers them.
const (
	Left uint8 = 1 << iota
	Middle
	Right
	WheelUp
	WheelDown
	WheelLeft
	WheelRight
	Side
)

// Mover takes what a guest is to see of the pointer.
type Mover interface {
	// Pointer is at a pixel of the guest with these buttons down.
	Pointer(buttons uint8, x, y int)
	// Move went by that many pixels with these buttons down.
	Move(buttons uint8, dx, dy int)
}

// Pointer turns places and clicks on a view into the guest's. The guest wants
// places (a tablet) or movements (a mouse).
type Pointer struct {
	// Absolute is whether the guest wants places.
	Absolute bool

	buttons      uint8
	x, y         int // the last place, in the guest's pixels
	known        bool
	restX, restY float64 // parts of a wheel's click
}

// To is where the pointer is now, in the guest's pixels. With a mouse in the
// guest, moved is whether the pointer may go there by movement: without, the
// place is only remembered.
func (p *Pointer) To(to Mover, x, y int, moved bool) {
	fromX, fromY, known := p.x, p.y, p.known
	p.x, p.y, p.known = x, y, true
	switch {
	case p.Absolute:
		to.Pointer(p.buttons, x, y)
	case moved && known && (x != fromX || y != fromY):
		to.Move(p.buttons, x-fromX, y-fromY)
	}
}

// Jumped forgets the place: the pointer was put elsewhere by the program.
func (p *Pointer) Jumped() { p.known = false }

// Button presses or releases one of GDK's buttons: 1 left, 2 middle, 3 right,
// 8 a side button. It says whether the guest has such a button.
func (p *Pointer) Button(to Mover, button uint, pressed bool) bool {
	bit, ok := map[uint]uint8{1: Left, 2: Middle, 3: Right, 8: Side}[button]
	if !ok {
		return false
	}
	if pressed {
		p.buttons |= bit
	} else {
		p.buttons &^= bit
	}
	p.send(to, p.buttons)
	return true
}

// Scroll turns the wheel by clicks and parts of one, down and right positive.
func (p *Pointer) Scroll(to Mover, dx, dy float64) {
	p.restX = p.turn(to, p.restX+dx, WheelLeft, WheelRight)
	p.restY = p.turn(to, p.restY+dy, WheelUp, WheelDown)
}

// turn sends the whole clicks and gives back the rest.
func (p *Pointer) turn(to Mover, clicks float64, less, more uint8) (rest float64) {
	bit := more
	if clicks < 0 {
		bit = less
	}
	whole := math.Trunc(clicks)
	for range int(math.Abs(whole)) {
		p.send(to, p.buttons|bit)
		p.send(to, p.buttons)
	}
	return clicks - whole
}

// LiftAll releases the buttons that are down.
func (p *Pointer) LiftAll(to Mover) {
	if p.buttons != 0 {
		p.buttons = 0
		p.send(to, 0)
	}
}

// Forget starts anew, for another connection.
func (p *Pointer) Forget() { *p = Pointer{} }

func (p *Pointer) send(to Mover, buttons uint8) {
	if p.Absolute {
		to.Pointer(buttons, p.x, p.y)
	} else {
		to.Move(buttons, 0, 0)
	}
}

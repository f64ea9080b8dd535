package display

// clipboard is the text that guest and desktop share.
type clipboard struct {
	share bool
	// last is what came from either side, so that it is not sent back.
	last string
}

// SetShareClipboard chooses whether guest and desktop share copied text. What
// the desktop has is given away only while the screen has the focus.
func (s *Screen) SetShareClipboard(share bool) {
	s.clipboard.share = share
	if !share {
		s.view.WatchClipboard(false)
	}
}

func (c *clipboard) forget() { c.last = "" }

// fresh notes a text and says whether the other side has it not yet.
func (c *clipboard) fresh(text string) bool {
	if !c.share || text == c.last {
		return false
	}
	c.last = text
	return true
}

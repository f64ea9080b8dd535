package ui

import (
	"math"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
)

const gibibyte = 1 << 30

// sizeRow is a row for a size of a disk. It counts GiB, which can be given to
// two places; a size that does not come out even is counted in MiB.
type sizeRow struct {
	*adw.SpinRow
	unit  float64 // bytes
	start uint64  // bytes
	shown float64 // what stands for start
}

func newSizeRow(bytes, least uint64) *sizeRow {
	const most = 1 << 50
	r := &sizeRow{unit: gibibyte, start: bytes}
	title, step, digits := i18n.T("Size in GiB"), 1.0, 2
	if bytes%(gibibyte/4) != 0 {
		r.unit, title, step, digits = mebibyte, i18n.T("Size in MiB"), 64, 0
	}
	places := math.Pow10(digits)
	shown := func(bytes uint64) float64 { return math.Ceil(float64(bytes)/r.unit*places) / places }
	r.shown = shown(bytes)
	r.SpinRow = newSpinRow(gtk.NewAdjustment(r.shown, shown(least), most/r.unit, step, 10*step, 0), step, uint(digits))
	r.SetTitle(title)
	return r
}

// bytes is what a person chose, in whole MiB, or the very size that was there.
func (r *sizeRow) bytes() uint64 {
	if r.Value() == r.shown {
		return r.start
	}
	return uint64(math.Round(r.Value()*r.unit/mebibyte)) * mebibyte
}

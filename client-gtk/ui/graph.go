package ui

import (
	"github.com/diamondburned/gotk4/pkg/cairo"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/model"
)

// historyLength is how many samples a graph shows: two minutes.
const historyLength = 120

// graph is one quantity over the last minutes.
type graph struct {
	title  string
	text   func(model.Sample, *model.VM) string
	of     func(model.Sample) float64
	full   func(*model.VM) float64 // what the top stands for; 0: the largest value
	points []float64
	top    float64
	value  *gtk.Label
	area   *gtk.DrawingArea
}

func newGraphs(box *gtk.FlowBox) []*graph {
	graphs := []*graph{
		{
			title: i18n.T("Processors"), of: func(s model.Sample) float64 { return s.CPUPercent },
			text: func(s model.Sample, _ *model.VM) string { return words.Percent(s.CPUPercent) },
			full: func(*model.VM) float64 { return 100 },
		},
		{
			title: i18n.T("Memory"), of: func(s model.Sample) float64 { return float64(s.MemoryUsed) },
			text: func(s model.Sample, _ *model.VM) string { return words.Size(s.MemoryUsed) },
			full: func(vm *model.VM) float64 { return float64(vm.Memory) },
		},
		{
			title: i18n.T("Disk"), of: func(s model.Sample) float64 { return s.DiskReadPerSecond + s.DiskWritePerSecond },
			text: func(s model.Sample, _ *model.VM) string {
				return words.Rate(s.DiskReadPerSecond + s.DiskWritePerSecond)
			},
		},
		{
			title: i18n.T("Network"), of: func(s model.Sample) float64 { return s.NetRXPerSecond + s.NetTXPerSecond },
			text: func(s model.Sample, _ *model.VM) string { return words.Rate(s.NetRXPerSecond + s.NetTXPerSecond) },
		},
	}
	for _, g := range graphs {
		box.Append(g.build())
	}
	return graphs
}

func (g *graph) build() gtk.Widgetter {
	head := gtk.NewBox(gtk.OrientationHorizontal, 6)
	title := gtk.NewLabel(g.title)
	title.SetHExpand(true)
	title.SetXAlign(0)
	title.AddCSSClass("caption-heading")
	g.value = gtk.NewLabel("–")
	g.value.AddCSSClass("caption")
	g.value.AddCSSClass("numeric")
	head.Append(title)
	head.Append(g.value)
	g.area = gtk.NewDrawingArea()
	g.area.AddCSSClass("accent")
	g.area.SetContentHeight(56)
	g.area.SetContentWidth(110)
	g.area.SetDrawFunc(func(area *gtk.DrawingArea, cr *cairo.Context, width, height int) { g.draw(area, cr, width, height) })
	box := gtk.NewBox(gtk.OrientationVertical, 6)
	box.AddCSSClass("card")
	box.AddCSSClass("graph")
	box.Append(head)
	box.Append(g.area)
	return box
}

// show takes the points of a VM; none when it does not run.
func (g *graph) show(h *store.History, vm *model.VM) {
	g.points = g.points[:0]
	g.top = 0
	if g.full != nil {
		g.top = g.full(vm)
	}
	h.Each(vm.Path(), func(p store.Point) {
		v := g.of(p.Sample)
		g.points = append(g.points, v)
		if g.full == nil {
			g.top = max(g.top, v)
		}
	})
	text := "–"
	if latest, ok := h.Latest(vm.Path()); ok && vm.State.Active() {
		text = g.text(latest.Sample, vm)
	}
	g.value.SetText(text)
	g.area.QueueDraw()
}

func (g *graph) draw(area *gtk.DrawingArea, cr *cairo.Context, width, height int) {
	color := area.Color()
	r, gr, b := float64(color.Red()), float64(color.Green()), float64(color.Blue())
	bottom := float64(height) - 0.5
	cr.SetSourceRGBA(r, gr, b, 0.3)
	cr.SetLineWidth(1)
	cr.MoveTo(0, bottom)
	cr.LineTo(float64(width), bottom)
	cr.Stroke()
	if len(g.points) < 2 || g.top <= 0 {
		return
	}
	step := float64(width) / (historyLength - 1)
	first := float64(width) - step*float64(len(g.points)-1)
	at := func(i int) (x, y float64) {
		return first + step*float64(i), bottom - min(g.points[i]/g.top, 1)*(bottom-1)
	}
	cr.MoveTo(first, bottom)
	for i := range g.points {
		cr.LineTo(at(i))
	}
	cr.LineTo(float64(width), bottom)
	cr.ClosePath()
	cr.SetSourceRGBA(r, gr, b, 0.15)
	cr.Fill()
	for i := range g.points {
		cr.LineTo(at(i))
	}
	cr.SetSourceRGBA(r, gr, b, 0.9)
	cr.SetLineWidth(1.5)
	cr.Stroke()
}

func (p *Page) drawGraphs() {
	for _, g := range p.graphs {
		g.show(p.history, p.vm)
	}
}

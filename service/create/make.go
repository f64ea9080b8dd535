package create

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"org.kvmmanager/internal/cloudinit"
	"org.kvmmanager/internal/errs"
	"org.kvmmanager/service/inventory"
)

// undoTimeout bounds how long it may take to remove what a failed creation made.
const undoTimeout = time.Minute

// Hypervisor is what making a VM needs of a host: a part of inventory.Conn.
type Hypervisor interface {
	inventory.NewVolumes
	DefineNew(ctx context.Context, xml string, storage bool) (string, error)
	Delete(ctx context.Context, uuid string) error
	SetAutostart(ctx context.Context, uuid string, on bool) error
	Start(ctx context.Context, uuid string, paused bool) error
}

// Reporter is told how the making goes.
type Reporter interface {
	Phase(words string)
	Progress(done, total uint64)
	// PointOfNoReturn is false when somebody has cancelled the making.
	PointOfNoReturn() bool
}

// maker carries out one plan.
type maker struct {
	plan       *Plan
	hv         Hypervisor
	unfinished inventory.Unfinished
	report     Reporter
	log        *slog.Logger
	done       uint64 // bytes copied
	steps      []step
	starting   bool // all is made
}

// step is something that was made, or that may have been.
type step struct {
	undo func(context.Context) error
	note inventory.Note // of a volume
}

// Make carries out a plan. When it fails, nothing of it is left, unless somebody
// has started the VM meanwhile; what cannot be removed at once, and what a process
// leaves that ends in the middle, is removed later.
func Make(ctx context.Context, plan *Plan, hv Hypervisor, unfinished inventory.Unfinished, report Reporter, log *slog.Logger) error {
	m := &maker{plan: plan, hv: hv, unfinished: unfinished, report: report, log: log}
	err := m.make(ctx)
	if err == nil {
		m.finish()
	} else if runs := m.takeBack(ctx); runs && m.starting && errs.Is(err, errs.InvalidState) {
		return nil // it has been started
	}
	return err
}

// finish leaves everything to whoever has the VM.
func (m *maker) finish() {
	for _, s := range m.steps {
		if s.note != nil {
			s.note.Done()
		}
	}
}

func (m *maker) make(ctx context.Context) error {
	if err := m.plan.Err(); err != nil {
		return err
	}
	for _, v := range m.plan.volumes {
		if err := m.makeVolume(ctx, v); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.report.Phase("Defining the virtual machine")
	if err := m.define(ctx); err != nil {
		return err
	}
	// Who cancels from here on would stop a VM that runs.
	if !m.report.PointOfNoReturn() {
		return context.Canceled
	}
	if !*m.plan.Spec.Start {
		return nil
	}
	m.report.Phase("Starting the virtual machine")
	m.starting = true
	return m.hv.Start(context.WithoutCancel(ctx), m.plan.UUID(), false)
}

// define stores the definition. It is not left alone when ctx ends, and undone
// also when it fails: who loses libvirt meanwhile does not know what became of it.
func (m *maker) define(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := m.inspect(ctx); err != nil {
		return err
	}
	text, err := m.plan.XML()
	if err != nil {
		return err
	}
	m.steps = append(m.steps, step{undo: func(ctx context.Context) error { return m.hv.Delete(ctx, m.plan.UUID()) }})
	if _, err := m.hv.DefineNew(ctx, text, m.plan.storage); err != nil {
		return err
	}
	if m.plan.Spec.Autostart {
		return m.hv.SetAutostart(ctx, m.plan.UUID(), true)
	}
	return nil
}

// inspect looks at the images that exist, so that the definition names all that
// they refer to. What was made just now refers to nothing.
func (m *maker) inspect(ctx context.Context) (err error) {
	for _, d := range m.plan.vm.Disks {
		if d.Source == "" || d.Type == "network" {
			continue
		}
		d.Inspected = true
		if slices.ContainsFunc(m.plan.volumes, func(v *volume) bool { return v.device == d }) {
			continue
		}
		if d.Layers, err = m.hv.InspectImage(ctx, d.Source, d.Format, d.ReadOnly, m.plan.Rights()); err != nil {
			return err
		}
	}
	return nil
}

// takeBack undoes everything, the last first. What fails does not keep the rest,
// and is tried again later. But a VM that runs was started by somebody who was
// faster: it stays, with all that it has.
func (m *maker) takeBack(ctx context.Context) (runs bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for i := len(m.steps) - 1; i >= 0; i-- {
		s := m.steps[i]
		err := s.undo(ctx)
		if s.note == nil && errs.Is(err, errs.InvalidState) {
			m.finish()
			return true
		}
		done := err == nil || errs.Is(err, errs.NotFound)
		if !done {
			m.log.Warn("cannot remove what a failed creation left, for now", "vm_uuid", m.plan.UUID(), "error", err)
		}
		if s.note == nil && !done {
			if s.note, err = m.unfinished.VM(m.plan.UUID()); err != nil {
				m.log.Warn("nor can it be removed later", "vm_uuid", m.plan.UUID(), "error", err)
			}
		}
		switch {
		case s.note == nil:
		case done:
			s.note.Done()
		default:
			s.note.Leave()
		}
	}
	return false
}

// makeVolume makes one volume with its content, and tells its disk where it is.
func (m *maker) makeVolume(ctx context.Context, v *volume) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case v.contents == cloudSeed:
		v.device.Source, err = m.seed(ctx, v)
	case v.contents == copied && v.source.volume != nil:
		v.device.Source, err = m.copyVolume(ctx, v)
	case v.contents == copied:
		v.device.Source, err = m.upload(ctx, v)
	default:
		m.report.Phase("Creating disks")
		v.device.Source, err = m.create(ctx, v, v.format, v.capacity)
	}
	return err
}

// create makes a volume.
func (m *maker) create(ctx context.Context, v *volume, format string, capacity uint64) (string, error) {
	return m.remembered(ctx, v, func() (inventory.VolumeInfo, error) {
		return m.hv.MakeVolume(ctx, v.pool.UUID, inventory.VolumeInfo{Name: v.name, Format: format, Capacity: capacity})
	})
}

// remembered makes a volume, which is remembered before it is there. From then on
// it is ours to remove, so that there must not be one of somebody else.
func (m *maker) remembered(ctx context.Context, v *volume, make func() (inventory.VolumeInfo, error)) (string, error) {
	_, err := m.hv.FindVolume(ctx, v.pool.UUID, v.name)
	switch {
	case err == nil:
		return "", errs.New(errs.AlreadyExists, "The storage pool “%s” has a volume “%s” already.", v.pool.Name, v.name)
	case !errs.Is(err, errs.NotFound):
		return "", err
	}
	note, err := m.unfinished.Volume(v.pool.UUID, v.name)
	if err != nil {
		return "", err
	}
	made, err := make()
	if errs.Is(err, errs.AlreadyExists) { // somebody was faster
		note.Done()
		return "", err
	}
	m.steps = append(m.steps, step{func(ctx context.Context) error { return m.hv.DropUnwanted(ctx, v.pool.UUID, v.name) }, note})
	return made.Path, err
}

// upload copies a file into a new volume. The volume is a plain one for libvirt
// until it has its content, whose own header then says what it is.
func (m *maker) upload(ctx context.Context, v *volume) (string, error) {
	content, err := selfContained(v.source.reader(ctx))
	if err != nil {
		return "", err
	}
	path, err := m.create(ctx, v, "raw", v.source.size)
	if err != nil {
		return "", err
	}
	m.report.Phase("Copying the file")
	err = m.hv.FillVolume(ctx, v.pool.UUID, v.name, m.counted(content), v.source.size)
	if err != nil {
		return "", err
	}
	return path, m.grow(ctx, v)
}

// copyVolume copies a volume that exists.
func (m *maker) copyVolume(ctx context.Context, v *volume) (string, error) {
	m.report.Phase("Copying the volume")
	from := v.source.volume
	path, err := m.remembered(ctx, v, func() (inventory.VolumeInfo, error) {
		if err := m.hv.CheckUse(ctx, m.plan.copies, m.plan.storage); err != nil {
			return inventory.VolumeInfo{}, err
		}
		return m.hv.DuplicateVolume(ctx, from.Pool.UUID, from.Name, v.pool.UUID,
			inventory.VolumeInfo{Name: v.name, Format: v.format, Capacity: v.source.size}, m.plan.Rights())
	})
	if err != nil {
		return "", err
	}
	m.done += v.source.size
	m.report.Progress(m.done, m.plan.Info.Copies)
	return path, m.grow(ctx, v)
}

// grow makes a copied disk as large as it is wanted.
func (m *maker) grow(ctx context.Context, v *volume) error {
	if v.capacity <= v.source.virtualSize() || v.device.ReadOnly {
		return nil
	}
	return m.hv.GrowVolume(ctx, v.pool.UUID, v.name, v.capacity)
}

// seed writes what cloud-init reads.
func (m *maker) seed(ctx context.Context, v *volume) (string, error) {
	m.report.Phase("Preparing cloud-init")
	content, err := cloudinit.Seed(m.plan.secrets, m.plan.UUID())
	if err != nil {
		return "", fmt.Errorf("cannot make the seed: %w", err)
	}
	path, err := m.create(ctx, v, "raw", uint64(len(content)))
	if err != nil {
		return "", err
	}
	return path, m.hv.FillVolume(ctx, v.pool.UUID, v.name, bytes.NewReader(content), uint64(len(content)))
}

// counted reports what is read.
func (m *maker) counted(r io.Reader) io.Reader { return &counter{r, m} }

type counter struct {
	r io.Reader
	m *maker
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.m.done += uint64(n)
	c.m.report.Progress(c.m.done, c.m.plan.Info.Copies)
	return n, err
}

package ui

import (
	"path"

	"github.com/diamondburned/gotk4-adwaita/pkg/adw"
	"github.com/diamondburned/gotk4/pkg/gtk/v4"

	"org.kvmmanager/client-gtk/i18n"
	"org.kvmmanager/client-gtk/store"
	"org.kvmmanager/internal/client"
	"org.kvmmanager/internal/model"
)

// jobsButton shows the work under way, whoever began it.
type jobsButton struct {
	service Service
	jobs    *store.Jobs
	names   map[model.Path]string // also of what is being deleted
	button  *gtk.MenuButton
	list    *gtk.ListBox
	rows    map[model.Path]*jobRow
}

type jobRow struct {
	row      *adw.ActionRow
	progress *gtk.ProgressBar
	cancel   *gtk.Button
}

func newJobsButton(b *gtk.Builder, service Service) *jobsButton {
	return &jobsButton{
		service: service, jobs: store.NewJobs(), names: map[model.Path]string{}, rows: map[model.Path]*jobRow{},
		button: object[*gtk.MenuButton](b, "jobs_button"),
		list:   object[*gtk.ListBox](b, "jobs_list"),
	}
}

func (j *jobsButton) take(batch *client.Batch) {
	for _, c := range batch.Hosts {
		if c.New != nil {
			j.names[c.New.Path()] = hostTitle(c.New)
		}
	}
	for _, c := range batch.VMs {
		if c.New != nil {
			j.names[c.New.Path()] = store.Title(c.New)
		}
	}
	for _, c := range batch.Pools {
		if c.New != nil {
			j.names[c.New.Path()] = c.New.Name
		}
	}
	if len(batch.Jobs) == 0 {
		return
	}
	j.jobs.Take(batch)
	under := map[model.Path]bool{}
	for _, job := range j.jobs.Under() {
		under[job.Path()] = true
		j.fill(job)
	}
	for p, r := range j.rows {
		if !under[p] {
			j.list.Remove(r.row)
			delete(j.rows, p)
		}
	}
	text := i18n.Count("%d running task", "%d running tasks", j.jobs.Active())
	if progress := j.jobs.Progress(); progress >= 0 {
		text = store.Join(text, words.Percent(100*progress))
	}
	j.button.SetTooltipText(text)
	if j.jobs.Active() == 0 {
		j.button.Popdown()
	}
	j.button.SetVisible(j.jobs.Active() > 0)
}

// name is what people call an object.
func (j *jobsButton) name(of model.Path) string {
	if _, name, isVolume := model.SplitVolumePath(of); isVolume {
		return name
	}
	return orElse(j.names[of], path.Base(string(of)))
}

func (j *jobsButton) fill(job *model.Job) {
	p := job.Path()
	r := j.rows[p]
	if r == nil {
		r = &jobRow{row: adw.NewActionRow(), progress: gtk.NewProgressBar(), cancel: gtk.NewButtonFromIconName("process-stop-symbolic")}
		r.row.SetUseMarkup(false)
		r.progress.SetVAlign(gtk.AlignCenter)
		r.progress.SetSizeRequest(80, -1)
		r.cancel.SetVAlign(gtk.AlignCenter)
		r.cancel.AddCSSClass("flat")
		r.cancel.SetTooltipText(i18n.T("Cancel"))
		r.cancel.ConnectClicked(func() { j.service.Cancel(p) })
		r.row.AddSuffix(r.progress)
		r.row.AddSuffix(r.cancel)
		j.list.Append(r.row)
		j.rows[p] = r
	}
	title, subtitle := words.Operation(job.Operation), job.Phase
	if len(job.Objects) > 0 {
		title, subtitle = j.name(job.Objects[0]), store.Join(title, job.Phase)
	}
	r.row.SetTitle(title)
	r.row.SetSubtitle(subtitle)
	if job.Progress >= 0 {
		r.progress.SetFraction(job.Progress)
	}
	r.progress.SetVisible(job.Progress >= 0)
	r.cancel.SetVisible(job.Cancellable)
	r.cancel.SetSensitive(job.State != model.JobCancelling)
}

package journal

import (
	"log/slog"
	"maps"
	"testing"

	sd "github.com/coreos/go-systemd/v22/journal"

	"org.kvmmanager/internal/errs"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		outcome, job string
		refused      bool
		message      string
		id           ID
	}{
		"a change":                     {Done, "", false, "a change was made", AuthorizedChange},
		"a change made by a job":       {Done, "/org/kvmmanager/jobs/7", false, "a change was made", AuthorizedChange},
		"a change that failed":         {string(errs.InvalidState), "", false, "a change was asked for", AuthorizedChange},
		"polkit said no":               {string(errs.NotAuthorized), "", true, "a change was refused", ChangeRefused},
		"the dialog was closed":        {string(errs.AuthenticationDismissed), "", true, "a change was refused", ChangeRefused},
		"a password could not be had":  {InteractionRequired, "", true, "a change was refused", ChangeRefused},
		"the caller left the dialog":   {string(errs.Cancelled), "", true, "a change was refused", ChangeRefused},
		"the job was cancelled":        {string(errs.Cancelled), "/org/kvmmanager/jobs/7", false, "a change was asked for", AuthorizedChange},
		"the VM's files are forbidden": {string(errs.PermissionDenied), "", false, "a change was asked for", AuthorizedChange},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			// Audit records are written however little else is.
			Audit(r.logger(slog.LevelError), AuditRecord{
				Action: "org.kvmmanager.vm.control", Object: "/vms/a", Method: "org.kvmmanager.VM.Start",
				UID: 1000, PID: 42, Job: test.job, Outcome: test.outcome, Refused: test.refused,
			})
			want := map[string]string{
				"MESSAGE_ID": string(test.id), "KVMMANAGER_ACTION": "org.kvmmanager.vm.control",
				"KVMMANAGER_OBJECT": "/vms/a", "KVMMANAGER_METHOD": "org.kvmmanager.VM.Start",
				"KVMMANAGER_UID": "1000", "KVMMANAGER_PID": "42", "KVMMANAGER_OUTCOME": test.outcome,
			}
			text := test.message + " method=org.kvmmanager.VM.Start object=/vms/a" +
				" action=org.kvmmanager.vm.control uid=1000 pid=42 outcome=" + test.outcome
			if test.job != "" {
				want["KVMMANAGER_JOB"] = test.job
				text += " job=" + test.job
			}
			e := r.one(t)
			if !maps.Equal(e.Fields, want) || e.Message != text || e.Priority != sd.PriNotice {
				t.Errorf("got %d %q %q\nwant %q %q", e.Priority, e.Message, e.Fields, text, want)
			}
		})
	}
}

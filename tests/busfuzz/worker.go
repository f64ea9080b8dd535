package busfuzz

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

// worker is one caller.
type worker struct {
	Options
	user   User
	gen    *Generator
	oracle *Oracle
	report *Report
	latest *atomic.Pointer[Survey]
	moves  []move
	total  int // of the weights

	conn   *conn
	survey *Survey // as far as this user may touch it
	seen   *Survey // what survey was made of
}

// work makes moves until ctx ends.
func (w *worker) work(ctx context.Context) {
	defer w.hangUpMain()
	for _, m := range w.moves {
		w.total += m.weight
	}
	for ctx.Err() == nil {
		if !w.connect() {
			return
		}
		w.look()
		m := w.choose()
		m.do(w)
		w.report.move(m.name)
	}
}

func (w *worker) hangUpMain() {
	if w.conn != nil {
		_ = w.conn.close()
		<-w.conn.gone
	}
}

// connect makes sure that there is a connection: the bus ends one over what it
// takes for an attack.
func (w *worker) connect() bool {
	if w.conn != nil {
		select {
		case <-w.conn.gone:
			w.count("expelled by the bus")
			_ = w.conn.close()
		default:
			return true
		}
	}
	var err error
	if w.conn, err = dial(w.Address, w.user.UID); err != nil {
		w.violation("", err)
		return false
	}
	return true
}

// look takes notice of a newer survey.
func (w *worker) look() {
	latest := w.latest.Load()
	if latest == w.seen {
		return
	}
	w.seen, w.survey = latest, latest
	if w.user.Privileged {
		w.survey = latest.only(w.Hosts)
	}
	w.gen.Use(w.survey.Vocabulary)
}

func (w *worker) choose() move {
	n := w.gen.rand.IntN(w.total)
	for _, m := range w.moves {
		if n -= m.weight; n < 0 {
			return m
		}
	}
	return w.moves[0]
}

// burst sends calls one after the other, and then looks at the answers.
func (w *worker) burst(n int, makeCall func() *Call) {
	calls := make([]*Call, 0, n)
	answers := make([]<-chan *dbus.Message, 0, n)
	for range n {
		call := makeCall()
		answer, err := w.conn.send(call)
		if err != nil {
			w.count("not sendable")
			continue
		}
		if !call.wantsReply() {
			w.count("no reply wanted")
			continue
		}
		calls, answers = append(calls, call), append(answers, answer)
	}
	for i, call := range calls {
		w.examine(call, answers[i])
	}
}

// examine waits for an answer and judges it.
func (w *worker) examine(call *Call, answer <-chan *dbus.Message) {
	m, err := w.conn.await(answer)
	switch {
	case errors.Is(err, errGone):
		w.count("connection lost")
		return
	case err != nil:
		w.violation(call.String(), err)
		return
	}
	w.count(outcome(m))
	if m.Type == dbus.TypeMethodReply {
		w.report.success(call)
	}
	if err := w.oracle.Judge(w.user.Privileged, call, m); err != nil {
		w.violation(call.String(), err)
	}
}

// outcome is an answer in a word or two.
func outcome(m *dbus.Message) string {
	if m.Type == dbus.TypeMethodReply {
		return "success"
	}
	name, _ := m.Headers[dbus.FieldErrorName].Value().(string)
	name = strings.TrimPrefix(name, errs.Prefix)
	return strings.TrimPrefix(name, "org.freedesktop.DBus.Error.")
}

func (w *worker) count(what string) { w.report.count(w.user.Name, what) }

func (w *worker) violation(call string, err error) { w.report.violation(w.user.Name, call, err) }

package bus

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/godbus/dbus/v5"

	"org.kvmmanager/internal/errs"
)

// serve answers one call, whose turn it is.
func (t *Tree) serve(in *incoming) {
	s := &service{tree: t, link: in.link, in: in}
	defer s.end()
	err := in.refused
	if err == nil {
		err = s.run()
	}
	if err != nil {
		s.fail(err)
	}
}

// service is the answering of one call.
type service struct {
	tree *Tree
	link *link
	in   *incoming
}

// end contains what went wrong, and gives back what is still held.
func (s *service) end() {
	if r := recover(); r != nil {
		s.tree.log.Error("a call panicked", "path", s.in.path, "interface", s.in.iface, "member", s.in.member,
			"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		s.fail(errs.New(errs.Internal, "The service made a mistake. Its journal has the details."))
	}
	s.in.closeFDs()
	s.tree.shares.end(s.in)
}

// consider returns why a call is refused whatever its arguments are.
func (t *Tree) consider(h *header) error {
	exists, o := t.find(h.path)
	if !exists && h.iface != peerName {
		return unknownObject(h.path)
	}
	iface, m, err := t.method(o, h)
	switch {
	case err != nil:
		return err
	case h.signature != m.InSig:
		return wrongSignature(iface, m, h.signature)
	case h.bodyLength > m.MaxSize:
		return tooMany("%s.%s takes at most %d bytes of arguments; the call has %d.", iface.Name, m.Name, m.MaxSize, h.bodyLength)
	}
	return nil
}

// run finds who answers the call. Peer is on every path, existing or not.
func (s *service) run() error {
	in := s.in
	// The object may have become another one since the call was read.
	if err := s.tree.consider(in.header); err != nil {
		return err
	}
	_, o := s.tree.find(in.path)
	iface, m, err := s.tree.method(o, in.header)
	if err != nil {
		return err
	}
	args, err := s.arguments(iface, m)
	if err != nil {
		return err
	}
	if builtin := builtins[iface.Name+"."+m.Name]; builtin != nil {
		return builtin(s, args)
	}
	return s.handle(iface, m, args)
}

// method finds the interface and method that a call means. A call may leave
// the interface out; then the first that has such a method is meant.
func (t *Tree) method(o *object, in *header) (*Interface, *Method, error) {
	found := in.iface == ""
	for _, ifaces := range [][]*Interface{o.interfaces(), standardOf(in.path == t.root)} {
		for _, iface := range ifaces {
			if in.iface != "" && in.iface != iface.Name {
				continue
			}
			found = true
			if m := iface.Method(in.member); m != nil {
				return iface, m, nil
			}
		}
	}
	if !found {
		return nil, nil, unknownInterface(in.path, in.iface)
	}
	return nil, nil, unknownMethod(in)
}

// arguments decodes the call's arguments, which are of the declared types, once
// it is known how many values they have.
func (s *service) arguments(iface *Interface, m *Method) ([]any, error) {
	in := s.in
	switch {
	case int64(in.fdCount) != int64(len(in.fds)):
		return nil, tooMany("The file descriptors of the message were lost.")
	case in.signature == "":
		return nil, nil
	}
	values, err := countValues(in.signature, in.frame, len(in.frame)-in.bodyLength)
	if err == nil {
		err = s.tree.shares.extend(in, values*valueCost)
	}
	if err != nil {
		return nil, err
	}
	args, err := unmarshal(in.frame)
	if err != nil {
		return nil, invalidArgs("The arguments of %s.%s cannot be decoded.", iface.Name, m.Name)
	}
	in.frame = nil
	return args, nil
}

// handle has the tree's handler answer the call.
func (s *service) handle(iface *Interface, m *Method, args []any) error {
	in := s.in
	if !s.tree.limits.enter(in.uid) {
		return tooMany("Too many calls are under way. Wait for some of them.")
	}
	defer s.tree.limits.leave(in.uid)
	s.tree.shares.free(in)
	results, err := s.tree.handler(s.link.ctx, &Call{
		Sender: in.sender, UID: in.uid, PID: in.pid, Path: in.path, Interface: iface.Name, Member: m.Name, Args: args,
		Interactive: in.flags&dbus.FlagAllowInteractiveAuthorization != 0, NoReply: !in.wantsReply(),
		incoming: in,
	})
	defer closeFiles(results)
	if err != nil {
		return err
	}
	return s.reply(m, results)
}

// reply sends results, which must be of the declared types.
func (s *service) reply(m *Method, results []any) error {
	if len(results) == 1 {
		if part, ok := results[0].(Part); ok {
			defer s.tree.answers.turn(s.in.uid)()
			_ = part.body(s.tree) // what has no encoding yet gets it before others have to wait
			return s.answer(m.OutSig, func() ([][]byte, error) { return part.body(s.tree), nil })
		}
	}
	values := make([]any, len(results))
	for i, r := range results {
		if f, ok := r.(*os.File); ok {
			r = dbus.UnixFD(f.Fd())
		}
		values[i] = r
	}
	body, fds, err := marshal(m.OutSig, values)
	if err != nil {
		return err
	}
	if !s.in.wantsReply() {
		return nil
	}
	defer s.tree.answers.turn(s.in.uid)()
	return s.sent(s.link.send(s.in.reply(m.OutSig), body, fds))
}

func closeFiles(results []any) {
	for _, r := range results {
		if f, ok := r.(*os.File); ok {
			_ = f.Close()
		}
	}
}

// fail answers with an error.
func (s *service) fail(err error) {
	h, body := s.failure(err)
	if s.in.wantsReply() {
		_ = s.sent(s.link.send(h, body[0], nil)) // there is nothing left to say
	}
}

// failure is the message that tells of an error.
func (s *service) failure(err error) (*header, [][]byte) {
	name, message := s.describe(err)
	body := encoder{}
	body.string(printable(message))
	return s.in.failure(name), [][]byte{body.b}
}

// describe is an error's name and message on the bus. Only an error that is
// meant for the bus passes as it is: one found inside another is somebody
// else's answer to us.
func (s *service) describe(err error) (name, message string) {
	if e, ok := err.(*dbus.Error); ok && validInterface.MatchString(e.Name) { //nolint:errorlint // see above
		return e.Name, e.Error()
	}
	kind, message := errs.Of(err)
	if kind == errs.Internal {
		s.tree.log.Error("a call failed", "path", s.in.path, "interface", s.in.iface, "member", s.in.member, "error", err)
	}
	return kind.DBusName(), message
}

// sent gives the error of an answer that did not get out though another one
// may. When the connection is lost nobody can be told.
func (s *service) sent(err error) error {
	switch {
	case err == nil || s.link.ctx.Err() != nil:
		return nil
	case errors.Is(err, errTooLong):
		return tooMany("The answer is too long for the bus.")
	default:
		return fmt.Errorf("cannot send the answer: %w", err)
	}
}

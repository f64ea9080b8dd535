package busconn

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// authenticate says who we are, which the kernel confirms, and asks the bus to
// pass descriptors: the protocol of the D-Bus specification, section
// "Authentication Protocol".
func authenticate(socket *net.UnixConn) error {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	if err := command(socket, "\x00AUTH EXTERNAL "+uid, "OK"); err != nil {
		return err
	}
	if err := command(socket, "NEGOTIATE_UNIX_FD", "AGREE_UNIX_FD"); err != nil {
		return err
	}
	_, err := io.WriteString(socket, "BEGIN\r\n")
	return err
}

// command sends a line and reads the answer byte by byte, so that nothing of
// what follows is taken.
func command(socket *net.UnixConn, line, want string) error {
	if _, err := io.WriteString(socket, line+"\r\n"); err != nil {
		return err
	}
	const longest = 512
	var answer []byte
	for b := make([]byte, 1); b[0] != '\n'; answer = append(answer, b[0]) {
		if _, err := io.ReadFull(socket, b); err != nil {
			return err
		}
		if len(answer) > longest {
			return fmt.Errorf("the bus answers with too long a line")
		}
	}
	if word, _, _ := strings.Cut(strings.TrimSpace(string(answer)), " "); word != want {
		return fmt.Errorf("the bus answers %q instead of %s", strings.TrimSpace(string(answer)), want)
	}
	return nil
}

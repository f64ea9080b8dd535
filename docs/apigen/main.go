// Command apigen writes the reference of the D-Bus API as one Markdown page,
// from the documentation in the introspection XML.
package main

import (
	"flag"
	"fmt"
	"os"

	api "org.kvmmanager/dbus"
)

//go:generate go run . -o ../API.md

func main() {
	output := flag.String("o", "", "file to write; standard output if empty")
	flag.Parse()
	if err := run(*output); err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

func run(output string) error {
	page, err := reference(api.XML())
	if err != nil {
		return fmt.Errorf("cannot make the reference: %w", err)
	}
	if output == "" {
		_, err = os.Stdout.WriteString(page)
		return err
	}
	return os.WriteFile(output, []byte(page), 0o644)
}

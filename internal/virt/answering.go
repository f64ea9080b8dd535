package virt

import (
	"context"

	"org.kvmmanager/internal/errs"
)

// probeFile reports what is at a path of the host, as far as this process can see
// it; fileHidden on another host. It is errs.Timeout when the file system does
// not answer, and always returns within probePatience.
func (c *Conn) probeFile(ctx context.Context, path string) (fileInfo, error) {
	if !IsHere(c.uri) {
		return fileInfo{path: path}, nil
	}
	return c.files.probe(ctx, path)
}

// refuseSilent returns why libvirt must not be asked about an image: its file
// system does not answer, or opening it may wait forever.
func (c *Conn) refuseSilent(ctx context.Context, path string) error {
	info, err := c.probeFile(ctx, path)
	if err != nil {
		return err
	}
	if info.kind == fileSpecial {
		return errs.New(errs.NotSupported, "“%s” is neither a file nor a block device. Choose another image.", path)
	}
	return nil
}

// storageAnswers has measured again what did not answer, now that a file system
// answers again.
func (c *Conn) storageAnswers() {
	if c.ctx.Err() != nil {
		return
	}
	for _, uuid := range c.memory.withSilent() {
		c.later(uuid, taskSizes)
	}
	c.later("", taskPools)
}

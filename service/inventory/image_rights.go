package inventory

import "errors"

// ImageRights says what a caller may use besides the image that a call names.
type ImageRights struct {
	Storage   bool // images that other VMs have, and volumes that an image is a layer over
	HostPaths bool // files of the host that are in no storage pool
}

// ErrNeedsHostPath is in the chain of an error because the caller may not use a
// file that is in no storage pool: with the right to use paths of the host it is
// possible.
var ErrNeedsHostPath = errors.New("a file in no storage pool takes the right to use paths of the host")

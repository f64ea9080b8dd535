package inventory

// Unfinished remembers, beyond the end of the process, what a job is about to
// make or to remove, so that nothing stays half-made whatever happens.
type Unfinished interface {
	// Volume is called before a volume is made; Busy when another job is about
	// it. Pools are named by their UUID.
	Volume(pool, name string) (Note, error)
	// Removal is called before a volume is removed that a VM has had.
	Removal(pool, name string) (Note, error)
	// Original is called before a VM gets a copy of a volume, at the path copied,
	// and the volume is removed. If nobody is left to do so it goes later, but
	// only while a VM has the copy.
	Original(pool, name, copied string) (Note, error)
	// VM is called when a VM could not be taken back.
	VM(uuid string) (Note, error)
}

// Note is one thing that is remembered.
type Note interface {
	// Done forgets it: it is whole, or gone.
	Done()
	// Leave has it removed later: nobody could do so now.
	Leave()
}

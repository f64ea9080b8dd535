package model

import "time"

// JobState is where a job is in its life.
type JobState string

// The states of a job; the last three are final.
const (
	JobQueued     JobState = "queued"
	JobRunning    JobState = "running"
	JobCancelling JobState = "cancelling"
	JobDone       JobState = "done"
	JobFailed     JobState = "failed"
	JobCancelled  JobState = "cancelled"
)

// Ended says whether nothing will happen any more.
func (s JobState) Ended() bool { return s == JobDone || s == JobFailed || s == JobCancelled }

// Job is one piece of long work.
type Job struct {
	Number       string `wire:"-"`
	Operation    string // kebab-case: start, power-off, save, …
	Objects      []Path
	Phase        string // translatable words for people; may be empty
	State        JobState
	Progress     float64 // 0 to 1, -1 unknown
	BytesDone    uint64
	BytesTotal   uint64
	StartedAt    time.Time
	StartedBy    uint32 // uid
	Cancellable  bool
	ErrorName    string // D-Bus error name, empty unless failed or cancelled
	ErrorMessage string
	Result       map[string]any // values that the wire package can encode

	// Truncated names the properties that were cut, in what a client has read. The
	// service leaves it empty.
	Truncated []string
}

// Path is the job's object path.
func (j *Job) Path() Path { return JobPath(j.Number) }

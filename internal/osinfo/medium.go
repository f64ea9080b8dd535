package osinfo

import (
	"bytes"
	"context"
	"html"
	"regexp"
	"strings"
)

// Where the primary volume descriptor of an ISO 9660 image is, and what has to
// be read to find it (ECMA-119, 8.4).
const (
	DescriptorOffset = 16 * 2048
	DescriptorLength = 2048
)

// Medium is what an ISO image calls itself.
type Medium struct {
	Volume, System, Publisher, Application string
}

// ParseMedium reads the primary volume descriptor of an ISO image. False when
// it is none.
func ParseMedium(descriptor []byte) (Medium, bool) {
	if len(descriptor) < DescriptorLength || descriptor[0] != 1 || !bytes.Equal(descriptor[1:6], []byte("CD001")) {
		return Medium{}, false
	}
	field := func(from, length int) string {
		return strings.TrimRight(strings.ToValidUTF8(string(descriptor[from:from+length]), ""), " \x00")
	}
	return Medium{
		System: field(8, 32), Volume: field(40, 32),
		Publisher: field(318, 128), Application: field(574, 128),
	}, true
}

// Detect finds the system that a medium installs, for machines of this
// architecture. Nil when the database does not know it.
func (d *Database) Detect(ctx context.Context, m Medium, arch string) (*System, error) {
	if m.Volume == "" {
		return nil, nil
	}
	var best *record
	most := 0
	err := d.search(ctx, m.mentioned, func(r *record) bool {
		for _, media := range r.Media {
			if media.Arch != arch && media.Arch != "all" {
				continue
			}
			if n := media.ISO.matches(m); n > most {
				best, most = r, n
			}
		}
		return false
	})
	if err != nil || best == nil {
		return nil, err
	}
	return d.describe(best, arch), nil
}

// DetectAddress finds the system whose makers offer a medium at this address, for
// machines of this architecture, without asking anybody. Nil when the database
// does not know it. Which way the medium is fetched does not matter.
func (d *Database) DetectAddress(ctx context.Context, address, arch string) (*System, error) {
	_, place, ok := strings.Cut(address, "://")
	if !ok || place == "" {
		return nil, nil
	}
	var found *record
	err := d.search(ctx, containing(html.EscapeString(place)), func(r *record) bool {
		for _, media := range r.Media {
			_, offered, _ := strings.Cut(strings.TrimSpace(media.URL), "://")
			if offered == place && (media.Arch == arch || media.Arch == "all") {
				found = r
			}
		}
		return found != nil
	})
	if err != nil || found == nil {
		return nil, err
	}
	return d.describe(found, arch), nil
}

// volumeID is where a file has an expression for a volume's name. To parse each
// file that has one would take ten times as long as to look at these first.
var volumeID = regexp.MustCompile(`<volume-id>([^<]*)</volume-id>`)

// mentioned says whether a file has an expression that this medium's name
// matches.
func (m Medium) mentioned(data []byte) bool {
	for _, found := range volumeID.FindAllSubmatch(data, -1) {
		expression, err := regexp.Compile(html.UnescapeString(string(found[1])))
		if err == nil && expression.MatchString(m.Volume) {
			return true
		}
	}
	return false
}

// matches is how much of a medium the expressions describe, in characters: of
// two systems the one that says more is meant. Zero when they do not match. An
// expression that Go cannot read matches nothing.
func (i isoMatch) matches(m Medium) int {
	total := 0
	for _, pair := range [][2]string{{i.Volume, m.Volume}, {i.System, m.System}, {i.Publisher, m.Publisher}, {i.Application, m.Application}} {
		if pair[0] == "" {
			continue
		}
		expression, err := regexp.Compile(pair[0])
		if err != nil || !expression.MatchString(pair[1]) {
			return 0
		}
		total += len(pair[0])
	}
	if i.Volume == "" {
		return 0
	}
	return total
}

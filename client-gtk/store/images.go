package store

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"org.kvmmanager/internal/model"
)

// What is in a drive is a volume that there is, a new one, or one that is made
// of a file. The keys below are those of the form, and unknown to the service.
const (
	imageKey  = "image"
	poolKey   = "in-pool"
	nameKey   = "new-name"
	newKey    = "new-size"
	formatKey = "new-format"
	fileKey   = "file"
	volumeKey = "volume"

	imageNew    = "new"
	imageVolume = "volume"
	imageFile   = "file"
)

// NewImage is a volume that is to be made before a change.
type NewImage struct {
	Pool     model.Path
	PoolName string
	Spec     model.VolumeSpec
	File     string // whose content it gets; empty for none
	// Like is a volume that there is, to ask what would become of the change;
	// empty if there is none.
	LikePool, Like string
}

// imageFields ask what is in a drive. has is the drive if there is one already.
func imageFields(w Words, vm *model.VM, s Surroundings, has *model.Device, wanted use) []Field {
	var pools []Choice
	for _, p := range s.Pools {
		if p.Active {
			text := p.Name
			if p.Available > 0 {
				text += " · " + fmt.Sprintf(w.text("%s free"), w.Size(p.Available))
			}
			pools = append(pools, Choice{string(p.Path()), text})
		}
	}
	slices.SortFunc(pools, func(a, b Choice) int { return cmp.Compare(a.Label, b.Label) })
	what := []Choice{{imageVolume, mark("A volume that there is")}, {imageFile, mark("A file, which is copied into a pool")}}
	label := mark("Medium")
	if wanted == forDisk {
		what = append([]Choice{{imageNew, mark("A new volume")}}, what...)
		label = mark("Volume")
	}
	image := choice(imageKey, mark("Image"), what)
	image.private = true
	fields := []Field{image}
	volume := volumeField(w, label, s, has, wanted)
	volume.Needed = wanted == forDisk
	volume.When = map[string]string{imageKey: imageVolume}
	file := Field{Key: fileKey, Label: mark("File"), Kind: FieldFile, When: map[string]string{imageKey: imageFile}, Needed: true, private: true}
	fields = append(fields, volume, file)
	if wanted == forDisk {
		isNew := map[string]string{imageKey: imageNew}
		size := sizeField(newKey, mebibyte)
		size.Usual, size.When, size.private = strconv.Itoa(20*gibibyte), isNew, true
		fields = append(fields, size,
			Field{Key: nameKey, Label: mark("Name"), Kind: FieldText, Usual: freeName(vm, s), When: isNew, Needed: true, private: true})
		format := choice(formatKey, mark("Format"), plainChoices("qcow2", "raw"))
		format.When, format.private = isNew, true
		fields = append(fields, format)
	}
	for _, what := range []string{imageNew, imageFile} {
		if what == imageFile || wanted == forDisk {
			pool := choice(poolKey+"-"+what, mark("Pool"), pools)
			pool.When, pool.Needed, pool.private = map[string]string{imageKey: what}, true, true
			fields = append(fields, pool)
		}
	}
	return fields
}

// freeName is a name for the volume of a new disk of a VM.
func freeName(vm *model.VM, s Surroundings) string {
	base := "disk"
	if vm != nil {
		base = strings.ReplaceAll(vm.Name, "/", "-")
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s-%d.qcow2", base, n)
		if !slices.ContainsFunc(s.Volumes, func(v *model.StorageVolume) bool { return v.Name == name }) {
			return name
		}
	}
}

// newImage is the volume that has to be made first; nil if there is none.
func newImage(v Values, s Surroundings) *NewImage {
	n := &NewImage{}
	switch v[imageKey] {
	case imageNew:
		size, _ := strconv.ParseUint(v[newKey], 10, 64)
		n.Spec = model.VolumeSpec{Name: v[nameKey], Format: v[formatKey], Capacity: size}
	case imageFile:
		n.File = v[fileKey]
		n.Spec.Name = filepath.Base(n.File)
	default:
		return nil
	}
	n.Pool = model.Path(v[poolKey+"-"+v[imageKey]])
	active := map[model.Path]string{}
	for _, p := range s.Pools {
		if p.Path() == n.Pool {
			n.PoolName = p.Name
		}
		if p.Active {
			active[p.Path()] = p.Name
		}
	}
	for _, volume := range s.Volumes {
		if name := active[volume.Pool]; name != "" && volume.Format != "dir" {
			n.LikePool, n.Like = name, volume.Name
		}
	}
	return n
}

// use is what a volume is wanted for.
type use int

const (
	forDisk  use = iota
	forDrive     // of media
)

// volumeField offers the volumes of all active pools. has is the device that is
// to be changed, or nil.
func volumeField(w Words, label string, s Surroundings, has *model.Device, wanted use) Field {
	f := Field{Key: volumeKey, Label: label, as: typeVolume}
	if wanted == forDrive {
		f.Choices = []Choice{{"", w.text("Empty")}}
	}
	names := map[model.Path]string{}
	for _, p := range s.Pools {
		if p.Active {
			names[p.Path()] = p.Name
		}
	}
	var list []Choice
	for _, v := range s.Volumes {
		pool, active := names[v.Pool]
		if !active || v.Format == "dir" || wanted == forDisk && (len(v.UsedBy) > 0 || v.Format == "iso") {
			continue
		}
		text := v.Name + " · " + w.Size(v.Capacity)
		if len(names) > 1 {
			text = pool + " · " + text
		}
		list = append(list, Choice{joinVolume(pool, v.Name), text})
		if has != nil && has.Source == v.Place && v.Place != "" {
			f.Usual = joinVolume(pool, v.Name)
		}
	}
	slices.SortFunc(list, func(a, b Choice) int { return cmp.Compare(a.Value, b.Value) })
	f.Choices = append(f.Choices, list...)
	if has != nil && f.Usual == "" && has.Source != "" {
		// A file outside of all pools: the service knows it by its path.
		f.Usual = joinVolume("", has.Source)
		f.Choices = append(f.Choices, Choice{f.Usual, imageName(has)})
	}
	if wanted == forDisk && len(list) > 0 {
		f.Usual = list[0].Value
	}
	return f
}

// A pool's name cannot have a slash.
func joinVolume(pool, volume string) string { return pool + "/" + volume }

func splitVolume(value string) (pool, volume string) {
	pool, volume, _ = strings.Cut(value, "/")
	return pool, volume
}

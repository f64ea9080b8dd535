package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestShares(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "virtiofs",
			xml: `<filesystem type='mount'><driver type='virtiofs' queue='1024'/><binary path='/usr/libexec/virtiofsd'/>
				<source dir='/srv'/><target dir='home'/></filesystem>`,
			want: model.Device{ID: "share-home", Kind: model.KindShare, Type: "mount", Backend: "virtiofs", Source: "/srv", Tag: "home"},
		},
		{
			name: "9p, which libvirt calls path",
			xml:  `<filesystem type='mount' accessmode='mapped'><driver type='path'/><source dir='/srv'/><target dir='a'/><readonly/></filesystem>`,
			want: model.Device{ID: "share-a", Kind: model.KindShare, Type: "mount", Backend: "9p", Source: "/srv", Tag: "a", ReadOnly: true},
		},
		{
			name: "a virtiofsd that somebody else runs",
			xml:  `<filesystem type='mount'><driver type='virtiofs'/><source socket='/run/fs.sock'/><target dir='b'/></filesystem>`,
			want: model.Device{ID: "share-b", Kind: model.KindShare, Type: "mount", Backend: "virtiofs", Source: "/run/fs.sock", Tag: "b"},
		},
		{
			name: "a volume of a pool",
			xml:  `<filesystem type='volume'><source pool='p' volume='v'/><target dir='c'/></filesystem>`,
			want: model.Device{ID: "share-c", Kind: model.KindShare, Type: "volume", Backend: "9p", Pool: "p", Volume: "v", Tag: "c"},
		},
	} {
		tt.run(t)
	}
}

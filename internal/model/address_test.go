package model

import (
	"strings"
	"testing"
)

func TestTheAddressOfAMediumIsTakenApart(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		parts MediumAddress
		again string // as it is shown, if not as it was given
	}{
		"https://a.example/debian.iso":             {MediumAddress{"https", "a.example", 443, "/debian.iso"}, ""},
		"http://a.example:8080/x/y.iso":            {MediumAddress{"http", "a.example", 8080, "/x/y.iso"}, ""},
		"HTTPS://A.example:443//y.iso":             {MediumAddress{"https", "A.example", 443, "//y.iso"}, "https://A.example//y.iso"},
		"http://192.0.2.1/y.iso":                   {MediumAddress{"http", "192.0.2.1", 80, "/y.iso"}, ""},
		"http://[2001:db8::1]/y.iso":               {MediumAddress{"http", "2001:db8::1", 80, "/y.iso"}, ""},
		"http://[2001:DB8:0::1]:81/y.iso":          {MediumAddress{"http", "2001:db8::1", 81, "/y.iso"}, "http://[2001:db8::1]:81/y.iso"},
		"http://a/%26%20%3Cb%3E%22%F0%9F%92%BB'&c": {MediumAddress{"http", "a", 80, "/& <b>\"💻'&c"}, "http://a/&%20%3Cb%3E%22%F0%9F%92%BB%27&c"},
		"http://a/100%25%3F%23.iso":                {MediumAddress{"http", "a", 80, "/100%?#.iso"}, ""},
	} {
		got, err := ParseMediumAddress(address)
		if err != nil || got != want.parts {
			t.Errorf("%s is %+v, %v", address, got, err)
		}
		if want.again == "" {
			want.again = address
		}
		if got.String() != want.again {
			t.Errorf("%s is shown as %s", address, got)
		}
		if twice, err := ParseMediumAddress(got.String()); err != nil || twice != got {
			t.Errorf("%s is read as %+v, %v", got, twice, err)
		}
	}
}

func TestWhatIsNoAddressOfAMediumIsRefusedByName(t *testing.T) {
	t.Parallel()
	for address, wrong := range map[string]string{
		"":                                             "complete",
		"a.example/x.iso":                              "complete",
		"https:///x.iso":                               "complete",
		"file:///etc/passwd":                           "https:",
		"ftp://a.example/x.iso":                        "https:",
		"json:{}":                                      "“{”",
		"https://user@a.example/x.iso":                 "password",
		"https://user:secret@a.example/x":              "password",
		"https://a.example/x.iso?key=secret":           "question mark",
		"https://a.example/x.iso?":                     "question mark",
		"https://a.example/x.iso#top":                  "“#”",
		"https://a.example/x.iso#":                     "“#”",
		"https://a.example":                            "folder",
		"https://a.example/debian/":                    "folder",
		"https://a.example/a%2Fb":                      "escaped",
		"https://a.example/a%00b":                      "escaped",
		"https://a.example/a%0Ab":                      "escaped",
		"https://a.example/a%FFb":                      "escaped",
		"https://a.example/a%zzb":                      "complete",
		"https://a.example/../x.iso":                   "“..”",
		"https://a.example/%2E%2E/x.iso":               "“..”",
		"https://a.example/a b":                        "percent",
		"https://a.example/<b>":                        "“<”",
		"https://a.example/\"":                         "percent",
		"https://a.example/a\nb":                       "“?”",
		"https://a.example/ä":                          "“ä”",
		"https://bücher.example/x":                     "“ü”",
		"https://a_b.example/x":                        "server",
		"https://a,b/x":                                "server",
		"https://[fe80::1%25eth0]/x":                   "server",
		"https://a.example:0/x":                        "port",
		"https://a.example:65536/x":                    "port",
		"https://a.example:/x":                         "port",
		"https://a.example:x/x":                        "complete",
		"https://a/" + strings.Repeat("x", MaxAddress): "too long",
	} {
		if _, err := ParseMediumAddress(address); err == nil || !strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", address, err, wrong)
		}
	}
}

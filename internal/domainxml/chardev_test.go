package domainxml

import (
	"testing"

	"org.kvmmanager/internal/model"
)

func TestCharacterDevices(t *testing.T) {
	t.Parallel()
	for _, tt := range []deviceTest{
		{
			name: "a serial port, running",
			xml: `<serial type='pty'><source path='/dev/pts/1'/><target type='isa-serial' port='0'><model name='isa-serial'/></target>
				<alias name='serial0'/></serial>`,
			want: model.Device{
				ID: "serial-0", Kind: model.KindSerial, Type: "pty", Model: "isa-serial", Target: "0", Source: "/dev/pts/1", Alias: "serial0",
			},
		},
		{
			name: "a serial port and its repetition as a console",
			xml: `<serial type='pty'><target type='isa-serial' port='0'/></serial>
				<console type='pty'><target type='serial' port='0'/></console>`,
			want: model.Device{ID: "serial-0", Kind: model.KindSerial, Type: "pty", Model: "isa-serial", Target: "0"},
		},
		{
			name: "a console without a serial port",
			xml:  `<console type='pty'><target type='serial' port='0'/></console>`,
			want: model.Device{ID: "console-0", Kind: model.KindConsole, Type: "pty", Model: "serial", Target: "0"},
		},
		{
			name: "a serial port over the network",
			xml:  `<serial type='tcp'><source mode='bind' host='127.0.0.1' service='2445'/><target port='1'/></serial>`,
			want: model.Device{ID: "serial-1", Kind: model.KindSerial, Type: "tcp", Source: "127.0.0.1:2445", Target: "1"},
		},
		{
			name: "a parallel port",
			xml:  `<parallel type='file'><source path='/tmp/lp'/><target port='0'/></parallel>`,
			want: model.Device{ID: "parallel-0", Kind: model.KindParallel, Type: "file", Source: "/tmp/lp", Target: "0"},
		},
		{
			name: "a forwarded channel",
			xml:  `<channel type='pipe'><source path='/tmp/p'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>`,
			want: model.Device{ID: "channel-10.0.2.1:4600", Kind: model.KindChannel, Type: "pipe", Model: "guestfwd", Source: "/tmp/p"},
		},
		{
			name: "a SPICE channel",
			xml:  `<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0' state='connected'/></channel>`,
			want: model.Device{
				ID: "channel-com.redhat.spice.0", Kind: model.KindChannel, Type: "spicevmc", Model: "virtio",
				Name: "com.redhat.spice.0", State: "connected",
			},
		},
	} {
		tt.run(t)
	}
}

func TestAVirtioConsoleStandsBesideTheSerialPort(t *testing.T) {
	t.Parallel()
	vm := parsedDevices(t, `<serial type='pty'><target port='0'/></serial>
		<console type='pty'><target type='serial' port='0'/></console>
		<console type='pty'><target type='virtio' port='1'/></console>`)
	if len(vm.Consoles) != 2 || vm.Consoles[0].ID != "serial-0" || vm.Consoles[1].ID != "console-1" {
		t.Errorf("got %+v", vm.Consoles)
	}
}

func TestTheGuestAgentIsKnownByItsChannel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, xml string
		want      model.AgentState
	}{
		{"no channel", ``, model.AgentAbsent},
		{"another channel", `<channel type='unix'><target type='virtio' name='org.example' state='connected'/></channel>`, model.AgentAbsent},
		{"off", `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>`, model.AgentDisconnected},
		{"closed", `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/></channel>`, model.AgentDisconnected},
		{"open", `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>`, model.AgentConnected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := parsedDevices(t, tt.xml).GuestAgent; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

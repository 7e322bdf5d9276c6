//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gputrain/gl"
)

// asked is set for the process that says why there is no usable device.
const asked = "GPUTRAIN_TEST_REASON"

// What is missing on a machine is said, with what to do. The machine is made so by the
// environment of a process.
func TestReasonsWhyThereIsNoDevice(t *testing.T) {
	if os.Getenv(asked) != "" {
		fmt.Println(reason())
		return
	}
	devices := list(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "libEGL.so.1"), []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	type machine struct{ name, set, want string }
	machines := []machine{
		{"no EGL library", "LD_LIBRARY_PATH=" + folder, "install libegl1, or the graphics driver of the GPU"},
		{"no driver", "__EGL_VENDOR_LIBRARY_DIRS=" + folder, "there is no OpenGL driver behind libEGL.so.1"},
		{"half a driver", "LIBGL_DRIVERS_PATH=" + folder, "its driver does not start (eglInitialize failed"},
		{"OpenGL 4.2", "MESA_GL_VERSION_OVERRIDE=4.2", "the driver offers no OpenGL 4.3"},
		{"all is there", "LANG=C", "no reason"},
	}
	if strings.HasPrefix(devices[0].Name, "zink (llvmpipe") {
		machines = append(machines,
			machine{"zink that inlines", "ZINK_INLINE_UNIFORMS=True", "set ZINK_INLINE_UNIFORMS=0"},
			machine{"zink as it is on a CPU", "ZINK_INLINE_UNIFORMS=", "set ZINK_INLINE_UNIFORMS=0"})
	}
	for _, c := range machines {
		process := exec.Command(os.Args[0], "-test.run=^TestReasonsWhyThereIsNoDevice$")
		process.Env = append(os.Environ(), asked+"=1", c.set)
		if out, err := process.CombinedOutput(); err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: got %q, %v, want %q", c.name, out, err, c.want)
		}
	}
}

// reason opens the first device and returns why that fails.
func reason() string {
	b, err := gl.Open(New(), 0, gl.Options{})
	if err != nil {
		return err.Error()
	}
	defer b.Close()
	if _, err := gl.Open(New(), 99, gl.Options{}); err == nil || !strings.Contains(err.Error(), "there is no OpenGL device 99: this machine has ") {
		return fmt.Sprintf("device 99: %v", err)
	}
	return "no reason"
}

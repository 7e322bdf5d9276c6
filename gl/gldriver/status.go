//go:build gl && cgo && linux

package gldriver

import (
	"fmt"

	opengl "github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/gl"
)

// contextLost is GL_CONTEXT_LOST of OpenGL 4.5.
const contextLost = 0x0507

var names = map[uint32]string{
	opengl.INVALID_ENUM:                  "GL_INVALID_ENUM",
	opengl.INVALID_VALUE:                 "GL_INVALID_VALUE",
	opengl.INVALID_OPERATION:             "GL_INVALID_OPERATION",
	opengl.INVALID_FRAMEBUFFER_OPERATION: "GL_INVALID_FRAMEBUFFER_OPERATION",
	opengl.OUT_OF_MEMORY:                 "GL_OUT_OF_MEMORY",
	contextLost:                          "GL_CONTEXT_LOST",
	opengl.GUILTY_CONTEXT_RESET:          "GL_GUILTY_CONTEXT_RESET",
	opengl.INNOCENT_CONTEXT_RESET:        "GL_INNOCENT_CONTEXT_RESET",
	opengl.UNKNOWN_CONTEXT_RESET:         "GL_UNKNOWN_CONTEXT_RESET",
}

// status is an error of OpenGL.
type status struct {
	call string
	code uint32
}

func (s status) Error() string {
	if name, ok := names[s.code]; ok {
		return s.call + ": " + name
	}
	return fmt.Sprintf("%s: OpenGL error %#x", s.call, s.code)
}

// Is makes two of the codes known by the errors of package gl.
func (s status) Is(target error) bool {
	return s.code == opengl.OUT_OF_MEMORY && target == gl.ErrOutOfMemory || s.code == contextLost && target == gl.ErrLost
}

// result returns the error of the calls since the last result. call is the latest.
func result(call string) error {
	if code := opengl.GetError(); code != opengl.NO_ERROR {
		return status{call, code}
	}
	return nil
}

func reset(code uint32) error { return fmt.Errorf("%w (%s)", gl.ErrLost, names[code]) }

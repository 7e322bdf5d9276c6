//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
	"strings"

	opengl "github.com/go-gl/gl/v4.3-core/gl"

	"gputrain/gl"
)

func (d *device) Compile(source string) (gl.Program, error) {
	shader := opengl.CreateShader(opengl.COMPUTE_SHADER)
	defer opengl.DeleteShader(shader)
	text, free := opengl.Strs(source + "\x00")
	opengl.ShaderSource(shader, 1, text, nil)
	free()
	opengl.CompileShader(shader)
	if log, ok := outcome(shader, opengl.COMPILE_STATUS, opengl.GetShaderiv, opengl.GetShaderInfoLog); !ok {
		return 0, fmt.Errorf("it does not compile: %s", log)
	}
	program := opengl.CreateProgram()
	opengl.AttachShader(program, shader)
	opengl.LinkProgram(program)
	if log, ok := outcome(program, opengl.LINK_STATUS, opengl.GetProgramiv, opengl.GetProgramInfoLog); !ok {
		opengl.DeleteProgram(program)
		return 0, fmt.Errorf("it does not link: %s", log)
	}
	return gl.Program(program), result("glLinkProgram")
}

// outcome returns the driver's log, in one line, and whether a step was a success.
func outcome(name, step uint32, query func(uint32, uint32, *int32), text func(uint32, int32, *int32, *uint8)) (log string, ok bool) {
	var status, length int32
	query(name, step, &status)
	query(name, opengl.INFO_LOG_LENGTH, &length)
	bytes := make([]byte, length+1)
	text(name, length, nil, &bytes[0])
	lines := strings.FieldsFunc(strings.TrimRight(string(bytes), "\x00"), func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines, "; "), status == opengl.TRUE
}

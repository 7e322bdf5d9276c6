package kernels

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.comp *.glsl
var glsl embed.FS

// Shader is a kernel for OpenGL: a compute shader. The comment above it in File has its
// formula, shapes and number of groups. Like the CUDA kernel of its name it has a
// signature, of which Source makes what GLSL wants.
type Shader struct {
	Kernel   string
	Variant  int // its tile, team or group, of a kernel that comes in several; else 0
	File     string
	Group    int      // invocations of a group
	Operands []string // windows of buffers; operand i is binding i
	Scalars  []string

	constants        [][2]string // names and values of what the variant sets
	from, begin, end int         // lines where the signature begins, and where the body does and ends
	types            map[string]string
}

// Name returns the kernel and the variant, such as gemm_64.
func (s Shader) Name() string {
	if s.Variant == 0 {
		return s.Kernel
	}
	return fmt.Sprintf("%s_%d", s.Kernel, s.Variant)
}

// MaxArgs is how many words a shader takes in its uniform array: for each operand the
// element of the buffer where its window begins, and then the scalars.
const MaxArgs = 28

// Absent is the beginning of the window of an operand that is absent.
const Absent = 1<<32 - 1

// Shaders returns all shaders, file by file.
func Shaders() []Shader { return slices.Clone(readShaders()) }

var readShaders = sync.OnceValue(func() []Shader {
	entries, err := glsl.ReadDir(".")
	if err != nil {
		panic("kernels: " + err.Error())
	}
	var all []Shader
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".comp") {
			all = append(all, shadersIn(e.Name())...)
		}
	}
	return all
})

// signature is the first line of a kernel, such as
//
//	kernel gemm<TILE = 32, 64; GROUP = 64, 256>(
//
// which stands for two variants, with these constants.
var signature = regexp.MustCompile(`^kernel (\w+)(?:<(.*)>)?\($`)

// shaderParam is an operand or a scalar.
var shaderParam = regexp.MustCompile(`(float|double|int|uint) (\w+)(\[\])?[,)]`)

// shadersIn reads the signatures in a file.
func shadersIn(file string) []Shader {
	var found []Shader
	lines := linesOf(file)
	for i := 0; i < len(lines); i++ {
		head := signature.FindStringSubmatch(lines[i])
		if head == nil {
			continue
		}
		s := Shader{Kernel: head[1], File: file, Group: block, from: i, types: map[string]string{}}
		for s.begin = i + 1; ; s.begin++ {
			code, _, _ := strings.Cut(lines[s.begin], "//")
			for _, p := range shaderParam.FindAllStringSubmatch(code, -1) {
				s.types[p[2]] = p[1]
				if p[3] != "" {
					s.Operands = append(s.Operands, p[2])
				} else {
					s.Scalars = append(s.Scalars, p[2])
				}
			}
			if strings.Contains(code, ") {") {
				break
			}
		}
		s.end = s.begin + slices.Index(lines[s.begin:], "}")
		i = s.end
		found = append(found, s.variants(head[2])...)
	}
	return found
}

// variants returns the variants with the constants of a signature. Without any there is
// one.
func (s Shader) variants(constants string) []Shader {
	if constants == "" {
		return []Shader{s}
	}
	var all []Shader
	for list := range strings.SplitSeq(constants, "; ") {
		name, values, _ := strings.Cut(list, " = ")
		for i, text := range strings.Split(values, ", ") {
			value, err := strconv.Atoi(text)
			if err != nil {
				panic(fmt.Sprintf("kernels: %s: %s: %v", s.File, s.Kernel, err))
			}
			if i == len(all) {
				all = append(all, s)
				all[i].Variant, all[i].constants = value, nil
			}
			all[i].constants = append(all[i].constants, [2]string{name, text})
			if name == "GROUP" {
				all[i].Group = value
			}
		}
	}
	return all
}

func linesOf(file string) []string {
	text, err := glsl.ReadFile(file)
	if err != nil {
		panic("kernels: " + err.Error())
	}
	return strings.Split(string(text), "\n")
}

// Source returns the text of the shader, and the files that it is made of, in the
// order in which a compiler's log counts them. The log also counts the lines of these
// files, not of the text.
func (s Shader) Source() (text string, files []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "#version 430\n#define KERNEL_%s\nlayout(local_size_x = %d) in;\nconst uint GROUP = %du;\n", s.Kernel, s.Group, s.Group)
	for _, c := range s.constants {
		if c[0] != "GROUP" {
			fmt.Fprintf(&b, "const uint %s = %su;\n", c[0], c[1])
		}
	}
	fmt.Fprintf(&b, "layout(location = 0) uniform uint arg[%d];\n", MaxArgs)
	for i, name := range s.Operands {
		fmt.Fprintf(&b, "#define %s_at arg[%d]\nlayout(std430, binding = %d) buffer buffer_of_%s { %s %s_data[]; };\n",
			name, i, i, name, s.types[name], name)
	}
	for _, name := range s.Scalars {
		fmt.Fprintf(&b, "%s %s;\n", s.types[name], name)
	}
	files = []string{s.File}
	b.WriteString("#line 1 0\n")
	for i, line := range linesOf(s.File) {
		switch header, included := strings.CutPrefix(line, `#include "`); {
		case included:
			header = strings.TrimSuffix(header, `"`)
			fmt.Fprintf(&b, "#line 1 %d\n", len(files))
			for _, line := range linesOf(header) {
				b.WriteString(s.indexed(line) + "\n")
			}
			fmt.Fprintf(&b, "#line %d 0", i+2)
			files = append(files, header)
		case i == s.begin:
			b.WriteString(s.prologue())
		case s.begin < i && i <= s.end || !slices.ContainsFunc(readShaders(), func(k Shader) bool {
			return k.File == s.File && k.from <= i && i <= k.end
		}):
			b.WriteString(s.indexed(line))
		}
		b.WriteByte('\n')
	}
	return b.String(), files
}

// prologue begins the main function and gives the scalars their values, in one line.
func (s Shader) prologue() string {
	var b strings.Builder
	b.WriteString("void main() {")
	for i, name := range s.Scalars {
		value := fmt.Sprintf("arg[%d]", len(s.Operands)+i)
		if s.types[name] == "float" {
			value = "uintBitsToFloat(" + value + ")"
		}
		fmt.Fprintf(&b, " %s = %s;", name, value)
	}
	return b.String()
}

// subscript is what opens or closes an index.
var subscript = regexp.MustCompile(`\w*\[|\]`)

// indexed makes elements of buffers of the elements of operands: of x[k] it makes
// x_data[x_at + (k)].
func (s Shader) indexed(line string) string {
	var ends []string // of the indices that are open
	return subscript.ReplaceAllStringFunc(line, func(mark string) string {
		name, opens := strings.CutSuffix(mark, "[")
		switch {
		case opens && slices.Contains(s.Operands, name):
			ends = append(ends, ")]")
			return name + "_data[" + name + "_at + ("
		case opens:
			ends = append(ends, "]")
			return mark
		case len(ends) == 0:
			return mark // of an index in a comment that spans lines
		}
		end := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		return end
	})
}

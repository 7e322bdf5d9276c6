package emulator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gputrain/cuda"
)

// Errors that those of Function and Variable wrap.
var (
	ErrNotFound = errors.New("the module has no") // kernel or variable of this name
	ErrRefused  = errors.New("cannot be loaded")
)

// A module is PTX that has been loaded.
type module struct {
	regions   []*region // memory of its variables
	functions map[string]cuda.Function
	variables map[string]*region // those that every function sees, by name
}

func newModule() *module {
	return &module{functions: map[string]cuda.Function{}, variables: map[string]*region{}}
}

// A loaded is a kernel and the module that it came from.
type loaded struct {
	program *program
	module  cuda.Module
	dynamic int // the largest dynamic shared memory that AllowShared has allowed, in bytes
}

// Load parses and decodes the whole PTX text. A kernel that it does not understand is
// an error of Function, so that the others of the module can be used; if there is no
// other, it is one of Load.
func (d *Device) Load(ptx string) (cuda.Module, error) {
	if err := d.usableOutsideCapture("Load"); err != nil {
		return 0, err
	}
	loadedModule := newModule()
	programs := d.driver.remembered(ptx)
	if programs == nil {
		var err error
		if programs, err = d.compile(ptx, loadedModule); err != nil {
			d.release(loadedModule)
			return 0, describe(ptx, err)
		}
		if len(loadedModule.regions) == 0 {
			d.driver.remember(ptx, programs)
		}
	}
	if len(programs) > 0 && !slices.ContainsFunc(programs, func(p *program) bool { return p.refused == nil }) {
		d.release(loadedModule)
		return 0, programs[0].refused
	}
	handle := cuda.Module(d.newHandle())
	d.modules[handle] = loadedModule
	for _, p := range programs {
		f := cuda.Function(d.newHandle())
		d.functions[f] = &loaded{program: p, module: handle}
		loadedModule.functions[p.name] = f
	}
	return handle, nil
}

// compile places the variables of PTX and returns its kernels.
func (d *Device) compile(ptx string, to *module) ([]*program, error) {
	m, err := parse(ptx)
	if err != nil {
		return nil, err
	}
	if have := 10*d.driver.gpu.Major + d.driver.gpu.Minor; m.architecture > have {
		return nil, fmt.Errorf("cuda emulator: the PTX is for %s, but the device is an sm_%d", m.target, have)
	}
	globals, err := d.place(m, to)
	if err != nil {
		return nil, err
	}
	var programs []*program
	for _, entry := range m.entries {
		p, err := link(m, entry, globals)
		if err != nil {
			p = &program{name: entry.name, module: m, entry: entry, refused: describe(ptx, err)}
		}
		p.perturb = d.driver.options.Perturb
		programs = append(programs, p)
	}
	for _, f := range m.functions {
		f.body, f.registers = nil, nil // they are decoded, and larger than all that is kept
	}
	return programs, nil
}

// A compilation is the kernels of a PTX text, for a device and Options.Perturb.
type compilation struct {
	ptx          string
	major, minor int
	perturb      uint64
	programs     []*program
}

// compilations are those that were asked for last, the latest at the end. All drivers
// share them, because programs do not change. They are of PTX without variables, so that
// no program holds an address.
var (
	compilations   []compilation
	compilationsMu sync.Mutex
)

const maxCompilations = 64

// remember keeps the kernels of PTX for the next device that loads it.
func (d *Driver) remember(ptx string, programs []*program) {
	compilationsMu.Lock()
	defer compilationsMu.Unlock()
	if len(compilations) == maxCompilations {
		compilations = slices.Delete(compilations, 0, 1)
	}
	compilations = append(compilations, compilation{ptx, d.gpu.Major, d.gpu.Minor, d.options.Perturb, programs})
}

func (d *Driver) remembered(ptx string) []*program {
	compilationsMu.Lock()
	defer compilationsMu.Unlock()
	for i, c := range compilations {
		if c.major == d.gpu.Major && c.minor == d.gpu.Minor && c.perturb == d.options.Perturb && c.ptx == ptx {
			compilations = append(slices.Delete(compilations, i, i+1), c)
			return c.programs
		}
	}
	return nil
}

// describe adds the text of the line to an error of the parser or decoder.
func describe(ptx string, err error) error {
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		m := &ptxModule{lines: strings.Split(ptx, "\n")}
		err = &loadError{syntax.line, m.line(syntax.line), syntax.why}
	}
	var load *loadError
	if errors.As(err, &load) {
		return fmt.Errorf("cuda emulator: ptx:%w", err)
	}
	return err
}

// place allocates the variables of a module in global and constant memory and sets
// their initial values. A variable without an initialiser is zero.
func (d *Device) place(m *ptxModule, to *module) (map[*variable]uint64, error) {
	addresses := map[*variable]uint64{}
	regions := map[*variable]*region{}
	byName := map[string]*variable{}
	all := slices.Clone(m.variables)
	for _, name := range slices.Sorted(maps.Keys(m.functions)) {
		all = append(all, m.functions[name].variables...)
	}
	for i, v := range all {
		if v.space != global && v.space != constant || v.size == 0 {
			continue
		}
		r, err := d.memory.allocate(int64(v.size))
		if err != nil {
			return nil, err
		}
		r.name, r.readOnly = v.name, v.space == constant
		copy(r.data, v.init)
		fill(r.written, 1)
		to.regions = append(to.regions, r)
		addresses[v], regions[v], byName[v.name] = r.base, r, v
		if i < len(m.variables) {
			to.variables[v.name] = r
		}
	}
	for v, r := range regions {
		for _, p := range v.pointers {
			var address uint64
			switch target := byName[p.symbol]; {
			case target != nil:
				address = addresses[target]
			case m.functions[p.symbol] != nil:
				address = m.address(p.symbol)
			default:
				return nil, &loadError{v.line, m.line(v.line), fmt.Sprintf("there is no variable %s in global memory, and no function", p.symbol)}
			}
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], address+uint64(p.offset))
			copy(r.data[p.at:], word[:p.size])
		}
	}
	return addresses, nil
}

func (d *Device) release(m *module) {
	for _, r := range m.regions {
		d.memory.free(r)
	}
}

// Variable finds a variable of a module, in global or constant memory: where it is, and
// how many bytes it has. The host may write constant memory, kernels may not.
func (d *Device) Variable(handle cuda.Module, name string) (cuda.Pointer, int64, error) {
	if err := d.usable(); err != nil {
		return 0, 0, err
	}
	m := d.modules[handle]
	if m == nil {
		return 0, 0, fmt.Errorf("cuda emulator: module %d %w", handle, ErrHandle)
	}
	r := m.variables[name]
	if r == nil {
		return 0, 0, fmt.Errorf("cuda emulator: %w variable %s", ErrNotFound, name)
	}
	return cuda.Pointer(r.base), int64(r.size), nil
}

// Unload unloads a module and its variables.
func (d *Device) Unload(handle cuda.Module) error {
	if err := d.usableOutsideCapture("Unload"); err != nil {
		return err
	}
	m := d.modules[handle]
	if m == nil {
		return fmt.Errorf("cuda emulator: module %d %w", handle, ErrHandle)
	}
	d.release(m)
	for _, f := range m.functions {
		delete(d.functions, f)
	}
	delete(d.modules, handle)
	return nil
}

// Function finds a kernel of a module.
func (d *Device) Function(handle cuda.Module, name string) (cuda.Function, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	m := d.modules[handle]
	if m == nil {
		return 0, fmt.Errorf("cuda emulator: module %d %w", handle, ErrHandle)
	}
	f, ok := m.functions[name]
	if !ok {
		return 0, fmt.Errorf("cuda emulator: %w kernel %s", ErrNotFound, name)
	}
	if why := d.functions[f].program.refused; why != nil {
		return 0, fmt.Errorf("kernel %s %w: %w", name, ErrRefused, why)
	}
	return f, nil
}

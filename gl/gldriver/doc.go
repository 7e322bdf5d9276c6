// Package gldriver drives the machine's OpenGL 4.3 devices through go-gl, without a
// window.
//
// It needs Linux and a build with the tag gl (make build). In any other build New
// returns a driver whose methods say so.
package gldriver

//go:build cuda && emulatorabi

package abi

import _ "gputrain/cuda/emulatorabi" // defines driver_open and driver_symbol

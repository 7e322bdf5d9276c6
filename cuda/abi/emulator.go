//go:build cuda && emulatorabi

package abi

import _ "gputrain/cuda/cuemulator" // defines driver_open and driver_symbol

package kernels

// gemmModel holds all constants by which ChooseGemm estimates times. They are derived from
// instruction counts and datasheets, not measured. go run ./cuda/gpureport -fit makes them
// anew from the products that make gpu-report has measured.
//
// In float32 the rates are those of a multiprocessor of 128 lanes. They follow from the
// instructions of the inner loop, or with 4x4 elements per thread from the traffic of shared
// memory. With tensor cores they are what the second cache allows, at 32 bytes per clock, or
// shared memory, at 128.
var gemmModel = GemmModel{
	Start: 1500,
	Pass:  5000,
	Bytes: 16,
	Rates: map[string]GemmRate{
		"128x128":              {115, 69},
		"128x64":               {114, 55},
		"64x64":                {64, 38},
		"32x32":                {50, 30},
		"share_128x64":         {114, 55},
		"share_32x32":          {50, 30},
		"tf32x3_128x256":       {341, 205},
		"tf32x3_128x128":       {256, 154},
		"tf32x3_64x64":         {128, 77},
		"tf32x3_share_128x128": {256, 154},
		"tf32_128x256":         {683, 410},
		"tf32_128x128":         {512, 307},
		"tf32_64x64":           {256, 154},
		"tf32_share_128x128":   {512, 307},
		"bf16_128x256":         {1365, 819},
		"bf16_128x128":         {1024, 614},
		"bf16_64x64":           {512, 307},
		"bf16_share_128x128":   {1024, 614},
		"bf16_share_64x64":     {512, 307},
	},
}

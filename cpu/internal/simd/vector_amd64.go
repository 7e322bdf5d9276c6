package simd

// Vector returns the functions of a level. Those of NEON are Go.
func (l Level) Vector() *Vector {
	switch l {
	case AVX2:
		return &vectorAVX2
	case AVX512:
		return &vectorAVX512
	}
	return &vectorGeneric
}

var vectorAVX2 = Vector{
	exp: expAVX2, log: logAVX2, sigmoid: sigmoidAVX2, tanh: tanhAVX2, relu: reluAVX2,
	add: addAVX2, sub: subAVX2, mul: mulAVX2, addMul: addMulAVX2, addRows: addRowsAVX2,
	sigmoidGrad: sigmoidGradAVX2, tanhGrad: tanhGradAVX2, reluGrad: reluGradAVX2,
	scale: scaleAVX2, addScaled: addScaledAVX2, scaleAdd: scaleAddAVX2,
	softmaxGrad: softmaxGradAVX2, normalize: normalizeAVX2, normalizeGrad: normalizeGradAVX2,

	lstmCell: lstmCellAVX2, lstmCellPeep: lstmCellPeepAVX2,
	lstmCellGrad: lstmCellGradAVX2, lstmCellGradPeep: lstmCellGradPeepAVX2,
	gruCell: gruCellAVX2, gruCellGrad: gruCellGradAVX2,
	rnnCellGrad: rnnCellGradAVX2, rnnCellGradReLU: rnnCellGradReLUAVX2,

	sgd: sgdAVX2, sgdMomentum: sgdMomentumAVX2, sgdNesterov: sgdNesterovAVX2,
	rmsProp: rmsPropAVX2, rmsPropMomentum: rmsPropMomentumAVX2, adam: adamAVX2,

	largest: largestAVX2, sum: sumAVX2, sumSquares: sumSquaresAVX2, dot: dotAVX2,
	squaredDistance: squaredDistanceAVX2, sumExp: sumExpAVX2, expSum: expSumAVX2,
}

var vectorAVX512 = Vector{
	exp: expAVX512, log: logAVX512, sigmoid: sigmoidAVX512, tanh: tanhAVX512, relu: reluAVX512,
	add: addAVX512, sub: subAVX512, mul: mulAVX512, addMul: addMulAVX512, addRows: addRowsAVX512,
	sigmoidGrad: sigmoidGradAVX512, tanhGrad: tanhGradAVX512, reluGrad: reluGradAVX512,
	scale: scaleAVX512, addScaled: addScaledAVX512, scaleAdd: scaleAddAVX512,
	softmaxGrad: softmaxGradAVX512, normalize: normalizeAVX512, normalizeGrad: normalizeGradAVX512,

	lstmCell: lstmCellAVX512, lstmCellPeep: lstmCellPeepAVX512,
	lstmCellGrad: lstmCellGradAVX512, lstmCellGradPeep: lstmCellGradPeepAVX512,
	gruCell: gruCellAVX512, gruCellGrad: gruCellGradAVX512,
	rnnCellGrad: rnnCellGradAVX512, rnnCellGradReLU: rnnCellGradReLUAVX512,

	sgd: sgdAVX512, sgdMomentum: sgdMomentumAVX512, sgdNesterov: sgdNesterovAVX512,
	rmsProp: rmsPropAVX512, rmsPropMomentum: rmsPropMomentumAVX512, adam: adamAVX512,

	largest: largestAVX512, sum: sumAVX512, sumSquares: sumSquaresAVX512, dot: dotAVX512,
	squaredDistance: squaredDistanceAVX512, sumExp: sumExpAVX512, expSum: expSumAVX512,
}

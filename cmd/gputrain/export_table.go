package main

import (
	"maps"
	"slices"

	"gputrain/model"
)

// featureNames returns the names of the features that the columns become: that of the
// column, with a category behind "=" if there are more than two. It is nil without a
// header, or if two would be alike.
func (d *description) featureNames() (names []string) {
	if d.Features == nil || d.Encodings == nil {
		return d.Features
	}
	for i, e := range d.Encodings {
		name := d.Features[i]
		if len(e.Categories) == 0 || len(e.Categories) == 2 {
			names = append(names, name)
		} else {
			for _, category := range e.Categories {
				names = append(names, name+"="+category)
			}
		}
		if e.Indicator {
			names = append(names, name+" is missing")
		}
	}
	if _, again := repeated(names); again {
		return nil
	}
	return names
}

// unscaled returns file with a head that gives numbers in the units of the targets.
func (d *description) unscaled(file *model.File) *model.File {
	if d.task() == taskClassify {
		return file
	}
	out := &model.File{Meta: file.Meta, Tensors: maps.Clone(file.Tensors)}
	weight, bias := out.Tensors[headName+".weight"], out.Tensors[headName+".bias"]
	weight.Data, bias.Data = slices.Clone(weight.Data), slices.Clone(bias.Data)
	inputs := len(weight.Data) / len(bias.Data)
	for j := range bias.Data {
		for k := range inputs {
			weight.Data[j*inputs+k] = float32(float64(weight.Data[j*inputs+k]) / d.TargetFactor[j])
		}
		bias.Data[j] = float32(d.targetScaling().Restore(j, float64(bias.Data[j])))
	}
	out.Tensors[headName+".weight"], out.Tensors[headName+".bias"] = weight, bias
	return out
}

package main

import (
	"time"

	"deixis/pipeline/track"
)

// lockArgs are the flags of track.Rules. Their defaults are held to
// track.DefaultRules by a test.
type lockArgs struct {
	Score     float32       `default:"0.5" min:"0" max:"1" help:"Least score of the best box for a lock, 0 to 1."`
	Margin    float32       `default:"0.1" min:"0" max:"1" help:"Least lead of the best box over the next for a lock, 0 to 1."`
	KeepRatio float32       `aliases:"lock-hold" default:"0.7" min:"0" max:"1" help:"Share of --lock-score and --lock-margin that keeps a lock, 0 to 1."`
	KeepFor   time.Duration `aliases:"lock-hold-for" default:"200ms" min:"0s" help:"How long a lock outlasts answers that doubt or miss it."`
	LostFor   time.Duration `default:"1s" min:"0s" help:"How long something unseen is lost before it is absent."`
	Same      float32       `default:"0.1" min:"0" max:"1" help:"Least overlap (IoU) with where it was to be the same target, 0 to 1."`
	Jump      float32       `default:"0.35" min:"0" max:"1" help:"Lead in score with which another thing takes the lock at once, 0 to 1."`
	JumpAfter time.Duration `default:"500ms" min:"0s" help:"How long another thing must score better to take the lock."`
	Stale     time.Duration `default:"2s" min:"0s" help:"How old an answer may grow before its box is hidden."`
}

func (l lockArgs) rules() track.Rules { return track.Rules(l) }

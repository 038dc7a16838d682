package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// answer asks the model all phrases of the moment at once. There are no answers
// where there are no phrases, or where the model says model.ErrNoAnswer.
func (l *Line) answer(ctx context.Context, f *camera.Frame) ([]model.Answer, time.Duration, error) {
	asked := l.targets.Phrases()
	if len(asked) == 0 {
		return nil, 0, nil
	}
	start := time.Now()
	answers, err := l.c.By.Ground(ctx, f, asked)
	if errors.Is(err, model.ErrNoAnswer) { // the network could not answer this one frame
		l.counts.unanswered.Add(1)
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if len(answers) != len(asked) {
		return nil, 0, fmt.Errorf("ground frame %d: %d answers to %d phrases", f.Seq, len(answers), len(asked))
	}
	for i := range answers {
		if answers[i].Phrase != asked[i].Text {
			return nil, 0, fmt.Errorf("ground frame %d: %q was asked and %q answered", f.Seq, asked[i].Text, answers[i].Phrase)
		}
		answers[i].Seq, answers[i].At = f.Seq, f.At
	}
	return answers, time.Since(start), nil
}

// update hands the answers on f, which cost took, to the locks.
func (l *Line) update(answers []model.Answer, f *camera.Frame, took time.Duration) {
	if l.c.Unrelated && !l.isAnswered(f.File) {
		l.targets.Forget()
		file := f.File
		l.file.Store(&file)
	}
	if len(answers) == 0 {
		return
	}
	l.targets.Update(answers, f, took)
	l.tookFor(answers, took)
}

// tookFor counts answers that cost took.
func (l *Line) tookFor(answers []model.Answer, took time.Duration) {
	l.times.Answered(answers[0].Took, took)
	l.counts.answered.Add(1)
}

// isAnswered says whether file is the picture that was answered last.
func (l *Line) isAnswered(file string) bool {
	last := l.file.Load()
	return last != nil && *last == file
}

// unanswered takes away what is known of another picture, where pictures have nothing
// to do with each other.
func (l *Line) unanswered(f *camera.Frame, views []pipeline.View) {
	if !l.c.Unrelated || l.isAnswered(f.File) {
		return
	}
	for i := range views {
		views[i] = pipeline.View{Phrase: views[i].Phrase}
	}
}

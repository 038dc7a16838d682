package pipeline

import (
	"context"
	"fmt"
	"time"

	"deixis/camera"
	"deixis/model"
)

// answer asks the model and takes what it says.
func (l *Live) answer(ctx context.Context, f *camera.Frame) error {
	answers, took, err := l.ask(ctx, f)
	if err == nil {
		l.learn(answers, f, took)
	}
	return err
}

// ask asks the model all phrases of the moment at once; there are no answers
// where there are none.
func (l *Live) ask(ctx context.Context, f *camera.Frame) ([]model.Answer, time.Duration, error) {
	asked := l.targets.phrases()
	if len(asked) == 0 {
		return nil, 0, nil
	}
	start := time.Now()
	answers, err := l.By.Ground(ctx, f, asked)
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

// learn takes the answers on f, which took so long.
func (l *Live) learn(answers []model.Answer, f *camera.Frame, took time.Duration) {
	if len(answers) == 0 {
		return
	}
	l.targets.update(answers, f, took)
	l.Times.answered(answers[0].Took, took)
	l.counts.answered.Add(1)
}

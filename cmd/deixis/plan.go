package main

import "deixis/camera"

// A plan is what a run of live opens and how its line runs, as its flags and its
// source say.
type plan struct {
	window     bool   // show a window
	page       bool   // serve the page
	record     string // file of the recording; "" for none
	robot      bool   // a robot is told of its target
	events     string // file of the events; "-" is standard output, "" for none
	toOutput   bool   // events go to standard output because nothing at all was asked for
	everyFrame bool   // a recording is read frame by frame, because what comes of it is kept; otherwise the newest frame wins
	draw       bool   // somebody wants frames that are drawn on
	paced      bool   // a recording that is looked at keeps its pace
	repeatLast bool   // the last of several pictures that are looked at stays
	drain      bool   // a live source is read on while it is paused
	carry      bool   // boxes are moved between two answers
}

// planOf decides without opening anything. desktop says that there is one to show a
// window on.
func planOf(f *liveCmd, ref camera.Ref, desktop bool) plan {
	p := plan{
		window: f.Window || !f.Headless && desktop, page: f.HTTP != "", record: f.Record, events: f.Events,
		robot: f.Robot.on(), drain: ref.Live(), carry: f.Carry,
	}
	seen := p.window || p.page || p.robot
	if p.events == "" && p.record == "" && !seen {
		p.events, p.toOutput = "-", true
	}
	p.everyFrame = !ref.Live() && (p.record != "" || p.events != "" || !seen)
	p.draw = p.window || p.record != "" || f.Robot.ROS.Picture
	p.paced = !ref.Live() && seen
	p.repeatLast = ref.Kind == camera.Images && (p.window || p.page) && !p.everyFrame
	return p
}

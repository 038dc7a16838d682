package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deixis/camera"
)

// JetStream's codes of a store that is full, as its servers send them; the client has no
// names for them.
var fullCodes = map[jetstream.ErrorCode]bool{
	10023: true, // insufficient resources
	10028: true, // insufficient memory of the account
	10047: true, // insufficient storage
}

const storeFailed jetstream.ErrorCode = 10077 // with the reason in words

// isFull says whether the server, the account or the bucket has no room.
func isFull(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return errors.Is(err, ErrFull)
	}
	return fullCodes[api.ErrorCode] || api.ErrorCode == storeFailed && strings.Contains(api.Description, "maximum bytes") || strings.Contains(api.Description, "no space left")
}

// isThere says that a job is in the queue already.
func isThere(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == storeFailed && strings.Contains(api.Description, "per subject")
}

// passes says whether an error may go away by itself, as when a server is restarted or a
// cluster chooses another leader.
func (q *Queue) passes(err error) bool {
	var api *jetstream.APIError
	var older *nats.APIError // of subscriptions within the object store
	var file *fs.PathError   // its cause looks like one of the network
	var network net.Error
	switch {
	case err == nil || isFull(err) || q.nc.IsClosed() || errors.As(err, &file):
		return false
	case errors.As(err, &older):
		return older.Code == 503 || older.Code == 408
	case errors.As(err, &api):
		return api.Code == 503 || api.Code == 408
	}
	for _, is := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrStaleConnection,
		context.DeadlineExceeded, jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat, jetstream.ErrAsyncPublishTimeout, jetstream.ErrConsumerNotFound,
		jetstream.ErrServerShutdown, jetstream.ErrConnectionClosed, jetstream.ErrConsumerLeadershipChanged,
	} {
		if errors.Is(err, is) {
			return true
		}
	}
	return errors.As(err, &network)
}

// explain puts what a server refuses into words.
func (q *Queue) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("it has no JetStream (start nats-server with -js, or ask for an account that has it): %w", ErrServer)
	case isFull(err):
		return fmt.Errorf("%w: %w (merge runs that are finished with annotate --collect, or give the server more room)", ErrFull, err)
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%w (the user needs the subjects deixis.> and $JS.>): %w", err, ErrServer)
	}
	return err
}

// The pauses between tries, doubled from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// again calls do until it succeeds, fails for good, or ctx ends. Each try has time enough
// for a server that answers.
func (q *Queue) again(ctx context.Context, what string, limit time.Duration, do func(ctx context.Context) error) error {
	for pause, told := firstPause, false; ; pause = min(2*pause, lastPause) {
		once, stop := context.WithTimeout(ctx, limit)
		err := do(once)
		stop()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !q.passes(err):
			return fmt.Errorf("%s: %w", what, q.explain(err))
		}
		if !told {
			told = true
			q.o.Log.Debug("trying again", "what", what, "why", err)
		}
		if err := camera.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

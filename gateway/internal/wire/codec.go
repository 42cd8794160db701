package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Body is a request body in memory that remembers why a codec refused it:
// grpc-gateway passes on a codec's error as text only.
type Body struct {
	*bytes.Reader
	// Refusal is nil until a codec refuses the body.
	Refusal error
}

// NewBody returns a body that reads content.
func NewBody(content []byte) *Body { return &Body{Reader: bytes.NewReader(content)} }

// Close implements io.Closer.
func (*Body) Close() error { return nil }

// jsonOut is the outgoing half of both codecs: whatever a client says that it
// accepts, an OAuth endpoint answers in JSON.
type jsonOut struct{}

// Marshal implements runtime.Marshaler.
func (jsonOut) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("encode %T: not a protobuf message", v)
	}
	return Encode(m)
}

// NewEncoder implements runtime.Marshaler.
func (j jsonOut) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		encoded, err := j.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(encoded)
		return err
	})
}

// ContentType implements runtime.Marshaler.
func (jsonOut) ContentType(any) string { return "application/json" }

// FormCodec reads forms and writes JSON.
type FormCodec struct {
	jsonOut
	Limits form.Limits
}

// Unmarshal implements runtime.Marshaler. Fails with invalid_request.
func (c FormCodec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("decode %T: not a protobuf message", v)
	}
	values, err := form.Parse(string(data), c.Limits)
	if err != nil {
		return err
	}
	return form.Decode(values, m)
}

// NewDecoder implements runtime.Marshaler. It never fails with io.EOF, which
// generated handlers take for an empty message.
func (c FormCodec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		return remember(r, c.Unmarshal(data, v))
	})
}

// RejectCodec reads nothing: it stands for every media type but the form's.
type RejectCodec struct{ jsonOut }

// errMediaType keeps JSON out of the OAuth endpoints.
func errMediaType() error {
	return oauth.Refuse(oauth.InvalidRequest, "body must be application/x-www-form-urlencoded")
}

// Unmarshal implements runtime.Marshaler. Fails with invalid_request.
func (RejectCodec) Unmarshal([]byte, any) error { return errMediaType() }

// NewDecoder implements runtime.Marshaler.
func (RejectCodec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(any) error { return remember(r, errMediaType()) })
}

func remember(r io.Reader, err error) error {
	var refusal *oauth.Error
	if body, ok := r.(*Body); ok && errors.As(err, &refusal) {
		body.Refusal = err
	}
	return err
}

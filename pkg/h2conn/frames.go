package h2conn

import "encoding/binary"

// The frames and flags of RFC 9113 §6 that matter here.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	framePing     = 0x6
	frameWindow   = 0x8
	frameContinue = 0x9

	flagAck       = 0x1
	flagEndStream = 0x1

	headerSize = 9
	// prefaceSize is the length of what a client sends before its first frame.
	prefaceSize = 24
)

// frame is what the header of a frame says (RFC 9113 §4.1).
type frame struct {
	kind, flags byte
	stream      uint32
	length      int64
}

// ends reports whether the frame is the last of its side of the stream.
func (f frame) ends() bool {
	return (f.kind == frameData || f.kind == frameHeaders) && f.flags&flagEndStream != 0
}

// scanner finds frames in a stream of bytes, in whatever pieces it comes.
type scanner struct {
	skip   int64 // bytes before the next header
	header [headerSize]byte
	have   int // bytes of the header
}

// scan calls visit for each frame whose header is complete with p.
func (s *scanner) scan(p []byte, visit func(frame)) {
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, int64(len(p)))
			s.skip -= n
			p = p[n:]
			continue
		}
		n := copy(s.header[s.have:], p)
		s.have += n
		p = p[n:]
		if s.have == headerSize {
			f := s.frame()
			s.have, s.skip = 0, f.length
			visit(f)
		}
	}
}

func (s *scanner) frame() frame {
	return frame{
		length: int64(s.header[0])<<16 | int64(s.header[1])<<8 | int64(s.header[2]),
		kind:   s.header[3],
		flags:  s.header[4],
		stream: binary.BigEndian.Uint32(s.header[5:]) & 0x7fffffff,
	}
}

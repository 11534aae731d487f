// The opening handshake of limit.cpp: SHA-1, base64 and the answer to an upgrade request (RFC 6455, section 4.2.2).

#pragma once

#include <stdint.h>

#include <string>

// SHA-1 (FIPS 180-4), needed once per handshake.
inline std::string sha1(const std::string& text) {
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  std::string m = text + '\x80';
  while (m.size() % 64 != 56) m += '\0';
  uint64_t bits = uint64_t(text.size()) * 8;
  for (int i = 7; i >= 0; i--) m += char(bits >> (8 * i));
  auto rotate = [](uint32_t x, int n) { return (x << n) | (x >> (32 - n)); };
  for (size_t block = 0; block < m.size(); block += 64) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++) {
      const unsigned char* p = reinterpret_cast<const unsigned char*>(m.data()) + block + i * 4;
      w[i] = uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
    }
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      uint32_t f, k;
      if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
      else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
      else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
      else f = b ^ c ^ d, k = 0xCA62C1D6;
      uint32_t t = rotate(a, 5) + f + e + k + w[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  std::string digest;
  for (uint32_t word : h)
    for (int i = 3; i >= 0; i--) digest += char(word >> (8 * i));
  return digest;
}

inline std::string base64(const std::string& bytes) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t v = 0;
    for (size_t j = 0; j < 3; j++) v = v << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; j++) out += i + j > bytes.size() ? '=' : letters[v >> (18 - 6 * j) & 63];
  }
  return out;
}

/** The response to `request` (headers up to and with the last line's end), its path in `path`; empty: not an upgrade. */
inline std::string acceptUpgrade(const std::string& request, std::string& path) {
  std::string lower = request;
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter += 32;
  size_t name = lower.find("\r\nsec-websocket-key:");
  size_t pathEnd = request.find(' ', 4);
  if (name == std::string::npos || request.compare(0, 4, "GET ") != 0 || pathEnd == std::string::npos) return "";
  size_t from = request.find_first_not_of(' ', name + 20);
  std::string key = request.substr(from, request.find("\r\n", from) - from);
  path = request.substr(4, pathEnd - 4);
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         base64(sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) + "\r\n\r\n";
}

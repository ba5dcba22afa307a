"""Models as a phone runs them: LiteRT (TFLite) in float, with int8 weights, in int8; ONNX; each beside Keras."""

"""OpenAI's and Cohere's endpoints on models that only InvokeModel serves: embeddings, images, reranking.

Each model family has a body of its own, and answers in one piece.
"""

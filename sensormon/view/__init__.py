"""Figures, sentences and tables for people; knows neither Streamlit nor HTTP."""
